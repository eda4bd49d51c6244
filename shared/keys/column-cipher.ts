import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { noKeys, type KeyRing } from './key-ring.ts';

/** A value of MySQL that may be encrypted: its column, and whose it is by what stays as long as the value does. */
export interface Place {
  readonly column:
    | 'cAppinfo.secret'
    | 'cAppinfo.previous_secret'
    | 'cSessionInfo.session_key'
    | 'cSessionInfo.former_keys'
    | 'cWaferOperator.totp_secret'
    | 'cWaferEndpoint.secret'
    | 'cWaferEndpoint.previous_secret';
  readonly owner: readonly string[];
}

export const secretPlace = (appid: string): Place => ({ column: 'cAppinfo.secret', owner: [appid] });
export const previousSecretPlace = (appid: string): Place => ({ column: 'cAppinfo.previous_secret', owner: [appid] });
/** @param appid as the row has it; null counts as '' */
export const sessionKeyPlace = (appid: string | null, openId: string): Place => ({
  column: 'cSessionInfo.session_key',
  owner: [appid ?? '', openId],
});

/** @param appid as for {@link sessionKeyPlace} */
export const formerKeysPlace = (appid: string | null, openId: string): Place => ({
  column: 'cSessionInfo.former_keys',
  owner: [appid ?? '', openId],
});

/** @param id of the operator */
export const totpSecretPlace = (id: number): Place => ({ column: 'cWaferOperator.totp_secret', owner: [String(id)] });

/** Encrypts what goes into a column and decrypts what comes out. Plain values are read as they are. */
export interface ColumnCipher {
  readonly keys: KeyRing;
  seal(place: Place, text: string): string;
  /** @throws {UnreadableValueError} */
  open(place: Place, stored: string): string;
}

/** As a token for X-Wafer-Reason: WAFER_KEYS lacks the version; or the value was changed, or is another column's or owner's. */
export type ValueFault = 'key_missing' | 'ciphertext_invalid';

export class UnreadableValueError extends Error {
  readonly fault: ValueFault;

  constructor(fault: ValueFault, { column }: Place, version: number | undefined) {
    super(
      fault === 'key_missing'
        ? `${column} is encrypted with key ${version}, which WAFER_KEYS of this process does not have`
        : `${column} does not decrypt: it was changed or belongs to another row, or key ${version} is another key here`,
    );
    this.name = 'UnreadableValueError';
    this.fault = fault;
  }
}

/** No base64, and so no session_key, begins like this. */
export const sealedMark = 'wafer:';
const sealedForm = /^wafer:([1-9]\d{0,3}):([A-Za-z0-9_-]+)$/;
const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;

/** The version of the key that a stored value is encrypted with; undefined: it is plain, or nothing. */
export function sealedVersion(stored: string): number | undefined {
  return stored.startsWith(sealedMark) ? Number(sealedForm.exec(stored)?.[1] ?? 0) : undefined;
}

/** Values look like `wafer:2:` and base64url of nonce, ciphertext and tag: 37 bytes and a third more than the text. */
export function createColumnCipher(ring: KeyRing): ColumnCipher {
  /**
   * Each owner's values have a key of their own: one key must not encrypt more than 2^32 values under random nonces, which
   * log-ins would reach within weeks.
   */
  const keyFor = (version: number, context: string) => {
    const key = ring.keys.get(version);
    return key === undefined ? undefined : createHmac('sha256', key).update(context).digest();
  };
  return {
    keys: ring,
    seal(place, text) {
      if (ring.writes === undefined || text === '') return text;
      const context = contextOf(place);
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(algorithm, keyFor(ring.writes, context) as Buffer, nonce);
      cipher.setAAD(Buffer.from(context));
      const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return `${sealedMark}${ring.writes}:${sealed.toString('base64url')}`;
    },
    open(place, stored) {
      const version = sealedVersion(stored);
      if (version === undefined) return stored;
      const context = contextOf(place);
      const key = keyFor(version, context);
      const bytes = Buffer.from(sealedForm.exec(stored)?.[2] ?? '', 'base64url');
      if (bytes.length < nonceBytes + tagBytes) throw new UnreadableValueError('ciphertext_invalid', place, version);
      if (key === undefined) throw new UnreadableValueError('key_missing', place, version);
      try {
        const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes });
        decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(-tagBytes));
        const text = decipher.update(bytes.subarray(nonceBytes, -tagBytes));
        return Buffer.concat([text, decipher.final()]).toString('utf8');
      } catch {
        throw new UnreadableValueError('ciphertext_invalid', place, version);
      }
    },
  };
}

/** Reads plain values, refuses encrypted ones, writes in plain text. */
export const plainCipher: ColumnCipher = createColumnCipher(noKeys);

/** Column and owner, so that a value that is copied to another row or column does not open there. */
function contextOf({ column, owner }: Place): string {
  return JSON.stringify([column, ...owner]);
}
