import { hash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Longest id and skey that the database can hold, in characters (`varchar(100)`). Anything longer matches no session. */
export const maxCredentialLength = 100;

/** A new id or skey: 128 bits from the system's random source, as 32 hex digits like those of the original. */
export function createCredential(): string {
  return randomBytes(16).toString('hex');
}

/** What is kept of an skey outside MySQL: enough to check it, useless to present. 128 bits, base64url. */
export function hashSkey(skey: string): string {
  return hash('sha256', skey, 'base64url').slice(0, 22);
}

/** Compares two hashes of skeys in constant time. */
export function equalHash(left: string, right: string): boolean {
  return left.length === right.length && timingSafeEqual(Buffer.from(left), Buffer.from(right));
}
