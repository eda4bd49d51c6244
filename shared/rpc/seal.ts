import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import { takeRandomBytes } from '../keys/random.ts';

/** Encrypts what processes leave for each other, in Redis and in the journal of erasures, and names secrets without telling them. */
export interface Seal {
  /** @param purpose bound to the text: what was sealed for one purpose does not open for another */
  seal(purpose: string, text: string): string;
  /** @throws if it was sealed with another key or for another purpose, or was changed */
  open(purpose: string, sealed: string): string;
  /** A keyed fingerprint, to use as a key in Redis: the same for the same parts, and of no use to who finds it. */
  fingerprint(...parts: readonly string[]): string;
}

const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;

/** @param key at least 32 random bytes, the same in all processes */
export function createSeal(key: Uint8Array): Seal {
  const encryptionKey = Buffer.from(hkdfSync('sha256', key, '', 'wafer seal', 32));
  const fingerprintKey = Buffer.from(hkdfSync('sha256', key, '', 'wafer fingerprint', 32));
  return {
    seal(purpose, text) {
      const nonce = takeRandomBytes(nonceBytes);
      const cipher = createCipheriv(algorithm, encryptionKey, nonce).setAAD(Buffer.from(purpose));
      return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString(
        'base64',
      );
    },
    open(purpose, sealed) {
      const bytes = Buffer.from(sealed, 'base64');
      const decipher = createDecipheriv(algorithm, encryptionKey, bytes.subarray(0, nonceBytes), {
        authTagLength: tagBytes,
      })
        .setAAD(Buffer.from(purpose))
        .setAuthTag(bytes.subarray(-tagBytes));
      return Buffer.concat([decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]).toString('utf8');
    },
    fingerprint(...parts) {
      // With its length before each part, no two lists of parts can look alike.
      const text = parts.map((part) => `${part.length}:${part}`).join('');
      return createHmac('sha256', fingerprintKey).update(text, 'utf8').digest('base64url').slice(0, 32);
    },
  };
}
