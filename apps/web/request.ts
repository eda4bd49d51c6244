import { fail, type Failure } from '../../shared/protocol/outcome.ts';
import { parsePhpJson } from '../../shared/protocol/php-json.ts';

/** A request that passed the protocol's first checks: it names an interface and has parameters. */
export interface MinaRequest {
  readonly ok: true;
  /** Anything but undefined and null: a name that is no string is unknown, not missing. */
  readonly interfaceName: unknown;
  readonly para: unknown;
  /** The `interface` object itself, for parameters that stand beside `para`. */
  readonly interface: Readonly<Record<string, unknown>>;
}

/** The auth check as JSON.stringify writes it in the SDKs' order of keys, with an id and an skey that hold nothing special. */
const plainAuth =
  /^\{"version":1,"componentName":"MA","interface":\{"interfaceName":"qcloud\.cam\.auth","para":\{"id":"([\w-]{1,100})","skey":"([\w-]{1,100})"\}\}\}$/;
const longestPlainAuth = 320;

/** Checks 1 to 3 of docs/protocol.md#checks: JSON, a name, parameters; in this order. */
export function parseRequest(body: Buffer): MinaRequest | Failure {
  if (body.length === 0) return fail('noInterfaceName');
  // Nearly every request, and read in a fifth of the time.
  const plain = body.length <= longestPlainAuth ? plainAuth.exec(body.toString('latin1')) : null;
  if (plain !== null) {
    const [, id, skey] = plain;
    const para = { id, skey };
    // A name that the program itself holds is found faster than one that was cut out of a request.
    const interfaceName = 'qcloud.cam.auth';
    return { ok: true, interfaceName, para, interface: { interfaceName, para } };
  }
  return parseAnyRequest(body);
}

/** The same for whatever it is. */
export function parseAnyRequest(body: Uint8Array): MinaRequest | Failure {
  const document = parsePhpJson(body);
  if (document === undefined) return fail('notJson');
  const call = propertyOf(document.value, 'interface');
  const interfaceName = propertyOf(call, 'interfaceName') ?? null;
  if (!isObject(call) || interfaceName === null) return fail('noInterfaceName');
  const para = propertyOf(call, 'para') ?? null;
  if (para === null) return fail('noParameters');
  return { ok: true, interfaceName, para, interface: call };
}

/** Reads the named parameters; undefined if `para` is no object or one of them is missing or null. `""`, 0 and false are there. */
export function readParameters<Name extends string>(
  para: unknown,
  names: readonly Name[],
): Record<Name, unknown> | undefined {
  const found = {} as Record<Name, unknown>;
  for (const name of names) {
    const value = propertyOf(para, name) ?? null;
    if (value === null) return undefined;
    found[name] = value;
  }
  return isObject(para) ? found : undefined;
}

/** A parameter that may be left out: undefined if missing or null. */
export function readOptional(para: unknown, name: string): unknown {
  return propertyOf(para, name) ?? undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function propertyOf(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}
