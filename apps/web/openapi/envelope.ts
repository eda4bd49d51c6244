import { z } from 'zod';
import { failures, type FailureName } from '../../../shared/protocol/return-codes.ts';
import type { InterfaceSchema } from '../interfaces/schemas/interface-schema.ts';
import { failureNotes } from './failure-notes.ts';

const version = z.literal(1);
const componentName = z.literal('MA');
const appid = z.string().optional().describe('Which app is meant; without it the default one.');

/** The whole body of a request: the protocol's envelope around one interface. */
export function requestSchema(interfaceName: string, { para, summary }: InterfaceSchema): z.ZodType {
  return z
    .object({
      version: version.optional(),
      componentName: componentName.optional(),
      interface: z.object({
        interfaceName: z.literal(interfaceName),
        appid,
        para: 'appid' in para.shape ? para : para.extend({ appid }),
      }),
    })
    .describe(`${summary}.`);
}

/** The whole body of an answer to a success. */
export function answerSchema({ messages, returnData }: InterfaceSchema): z.ZodType {
  return z.strictObject({
    returnCode: z.literal(0),
    returnMessage: z.enum(messages as [string, ...string[]]),
    returnData,
    version,
    componentName,
  });
}

/** The whole body of an answer to a failure: one of the codes with its message. */
export function failureSchema(): z.ZodType {
  const pairs = (Object.keys(failures) as FailureName[]).map((name) => {
    const { code, message } = failures[name];
    return z
      .object({ returnCode: z.literal(code), returnMessage: z.literal(message) })
      .describe(`${code} ${message}: ${failureNotes[name]}`);
  });
  return z
    .strictObject({
      returnCode: z.int().describe('Never 0 here; compare it, not the message.'),
      returnMessage: z.string(),
      returnData: z.literal(''),
      version,
      componentName,
    })
    .and(z.union(pairs));
}
