import { createHash, randomBytes } from 'node:crypto';

const secretBytes = 32;
/** By it a scanner of source text knows a token that was left there. */
const tokenMark = 'wafer_';
/** Longer ones are not ours, and nobody computes the hash of a megabyte. */
const maxLength = 100;

/** A new token of a program: 256 random bits. */
export function createOperatorToken(): string {
  return tokenMark + randomBytes(secretBytes).toString('base64url');
}

/** What a link does beside setting the password is in its secret, and so in the hash: no link can be made to do more than it was made for. */
const withoutTotpMark = 'without-totp.';

/**
 * A new secret for a link by which a password is set, once: 256 random bits.
 * @param dropsTotp whether using it also takes the second factor away
 */
export function createLinkSecret(dropsTotp = false): string {
  return (dropsTotp ? withoutTotpMark : '') + randomBytes(secretBytes).toString('base64url');
}

/** Of a link whose hash is known here. */
export function dropsTotp(linkSecret: string): boolean {
  return linkSecret.startsWith(withoutTotpMark);
}

/**
 * What is stored of a token or a link, in hexadecimal digits. Without salt or stretching: they are random, not passwords.
 * @returns undefined if this can't be one
 */
export function hashOperatorSecret(secret: string): string | undefined {
  if (secret === '' || secret.length > maxLength) return undefined;
  return createHash('sha256').update(secret).digest('hex');
}
