import { createSecretKey, type KeyObject } from 'node:crypto';

/** The versioned keys that encrypt secrets in MySQL; all of them decrypt. */
export interface KeyRing {
  /** The version that new values are encrypted with; undefined: they are written in plain text. */
  readonly writes: number | undefined;
  /** By version. A KeyObject shows nothing of itself to a log. */
  readonly keys: ReadonlyMap<number, KeyObject>;
}

export const noKeys: KeyRing = { writes: undefined, keys: new Map() };

const keyBytes = 32;
const plainWord = 'plain';
const howToMakeOne = 'make one with: openssl rand -base64 32';

/**
 * Parses `2:base64,1:base64`: the first encrypts, all decrypt. `plain,2:base64` writes in plain text again, for the way back.
 * @throws {TypeError} with every fault, by the place in the list; never with a key
 */
export function parseKeyRing(text: string): KeyRing {
  const entries = text.split(',').map((entry) => entry.trim());
  const writesPlain = entries[0] === plainWord;
  const keys = new Map<number, KeyObject>();
  const faults: string[] = [];
  let first: number | undefined;
  for (const [index, entry] of entries.entries()) {
    if (writesPlain && index === 0) continue;
    const parsed = parseEntry(entry, keys);
    if (typeof parsed === 'string') faults.push(`entry ${index + 1} ${parsed}`);
    else {
      keys.set(parsed.version, parsed.key);
      first ??= parsed.version;
    }
  }
  if (faults.length > 0) throw new TypeError(`must look like 2:base64,1:base64, newest first: ${faults.join('; ')}`);
  return { writes: writesPlain ? undefined : first, keys };
}

function parseEntry(
  entry: string,
  known: ReadonlyMap<number, KeyObject>,
): { readonly version: number; readonly key: KeyObject } | string {
  const [, digits, base64] = /^([1-9]\d{0,3}):([A-Za-z0-9+/_-]+={0,2})$/.exec(entry) ?? [];
  if (digits === undefined || base64 === undefined) return 'is not a version from 1 to 9999, a colon and base64';
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length !== keyBytes) return `has ${bytes.length} bytes, not ${keyBytes}; ${howToMakeOne}`;
  if (new Set(bytes).size < keyBytes / 4) return `is not random; ${howToMakeOne}`;
  const version = Number(digits);
  if (known.has(version)) return `has the version ${version} again`;
  const key = createSecretKey(bytes);
  const twin = [...known].find(([, other]) => other.equals(key));
  return twin === undefined ? { version, key } : `has the same key as version ${twin[0]}`;
}
