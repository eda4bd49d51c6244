import type { z } from 'zod';
import { readOptional, readParameters } from '../request.ts';

/**
 * Reads `para` as far as the protocol's check 5 goes (docs/protocol.md#checks): what the schema requires is there,
 * whatever its type. Types are each interface's own matter, because a wrong one has a return code of its own there.
 * @returns a function that gives the schema's parameters (undefined: left out), or undefined for a 1003
 */
export function createParameterReader<Name extends string>(
  schema: z.ZodObject<Readonly<Record<Name, z.ZodType>>>,
): (para: unknown) => Readonly<Record<Name, unknown>> | undefined {
  // Once, not per request: this is the hot path.
  const { required, optional } = namesOf(schema);
  return (para) => {
    const found: Record<string, unknown> | undefined = readParameters(para, required);
    if (found !== undefined) for (const name of optional) found[name] = readOptional(para, name);
    return found as Record<Name, unknown> | undefined;
  };
}

/** The names of a schema's parameters, in its order. */
function namesOf(schema: z.ZodObject): { required: string[]; optional: string[] } {
  const isOptional = (name: string) => (schema.shape[name] as z.ZodType).safeParse(undefined).success;
  const names = Object.keys(schema.shape);
  return { required: names.filter((name) => !isOptional(name)), optional: names.filter(isOptional) };
}
