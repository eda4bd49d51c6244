import { hash } from 'node:crypto';
import { takeRandomBytes } from '../keys/random.ts';

/** Longest id and skey that the database can hold, in characters (`varchar(100)`). Anything longer matches no session. */
export const maxCredentialLength = 100;

const plainId = /^[A-Za-z0-9_-]{1,64}$/;

/** Whether an id looks like those that log-ins make: it may be part of a key or lie among bytes as it is. */
export function isPlainId(id: string): boolean {
  return plainId.test(id);
}

/** A new id or skey: 128 bits from the system's random source, as 32 hex digits like those of the original. */
export function createCredential(): string {
  return takeRandomBytes(16).toString('hex');
}

/** What is kept of an skey outside MySQL: enough to check it, useless to present. 128 bits, base64url. */
export function hashSkey(skey: string): string {
  return hash('sha256', skey, 'base64url').slice(0, 22);
}

/**
 * Compares two hashes of skeys in a time that depends on neither. Not by `timingSafeEqual`: the two buffers that it wants cost
 * more than all the rest of a check from memory.
 */
export function equalHash(left: string, right: string): boolean {
  let difference = left.length ^ right.length;
  for (let index = 0; index < right.length; index++) difference |= left.charCodeAt(index) ^ right.charCodeAt(index);
  return difference === 0;
}
