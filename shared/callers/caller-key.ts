import { createHash, randomBytes } from 'node:crypto';

const keyBytes = 24;
/** Longer ones are not ours, and nobody computes the hash of a megabyte. */
const maxKeyLength = 64;

/** A new caller key: 192 random bits, safe in a URL. */
export function createCallerKey(): string {
  return randomBytes(keyBytes).toString('base64url');
}

/**
 * What is stored of a key and what it is looked up by, so that how long a look-up takes tells nothing about a key. Plain SHA-256,
 * without salt or stretching: the key is random, not a password.
 * @returns undefined if this can't be a key
 */
export function hashCallerKey(key: string): string | undefined {
  if (key === '' || key.length > maxKeyLength) return undefined;
  return createHash('sha256').update(key).digest('hex');
}

/** Names stand in metrics, logs and tables. */
export const callerNameShape = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
