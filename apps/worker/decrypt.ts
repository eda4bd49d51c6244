import { createDecipheriv } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import { parsePhpJsonText, type JsonDocument } from '../../shared/protocol/php-json.ts';

const blockBytes = 16;
/** The most that the original took for padding. */
const maxRecordedPadding = 32;
const base64Of16Bytes = /^[A-Za-z0-9+/=]{24}$/;

/**
 * The scheme of 2016 at a log-in: AES-128-CBC with key = iv = the session_key, and padding as leniently as the vectors record it. Where
 * the padding is not whole only an object is let through: otherwise a number that decrypts by chance would confirm a guess of the
 * key's first bytes.
 */
export function decryptLegacy(sessionKey: string, encryptData: unknown): Buffer | undefined {
  const key = decodeBase64(sessionKey);
  const plaintext = decrypt(key, key, padToBlock(readData(encryptData)));
  if (plaintext === undefined) return undefined;
  const whole = stripPadding(plaintext, maxRecordedPadding);
  if (whole !== undefined) return whole;
  const rest = plaintext.subarray(0, Math.max(plaintext.length - recordedPadding(plaintext), 0));
  return rest[0] === 0x7b && rest.at(-1) === 0x7d ? rest : undefined;
}

/** The scheme of 2016 with whole PKCS#7 padding. */
export function decryptLegacyWhole(sessionKey: string, encryptData: unknown): Buffer | undefined {
  const key = decodeBase64(sessionKey);
  return decryptWhole(key, key, encryptData);
}

/** Today's scheme: with an iv of its own, and whole PKCS#7 padding. session_key and iv are 24 characters of base64. */
export function decryptWithIv(sessionKey: string, iv: unknown, encryptData: unknown): Buffer | undefined {
  const ivText = typeof iv === 'string' ? withPlus(iv) : '';
  if (!base64Of16Bytes.test(sessionKey) || !base64Of16Bytes.test(ivText)) return undefined;
  const [key, ivBytes] = [decodeBase64(sessionKey), decodeBase64(ivText)];
  if (typeof encryptData === 'string' && encryptData.includes(' ')) {
    const plaintext = decryptWhole(key, ivBytes, withPlus(encryptData));
    if (readJson(plaintext) !== undefined) return plaintext;
  }
  return decryptWhole(key, ivBytes, encryptData);
}

/**
 * A back end that takes base64 out of a form or a query without escaping it has a space for each plus sign. In data white space may also be
 * just that, as in the original: then it is skipped.
 */
function withPlus(base64: string): string {
  return base64.replaceAll(' ', '+');
}

/** An absent or null iv, or the word `old`, asks for the legacy scheme. */
export function isLegacyIv(iv: unknown): boolean {
  return iv === undefined || iv === null || iv === 'old';
}

/** The JSON of decrypted data if its watermark names this very app. */
export function readWatermarked(plaintext: Buffer | undefined, appid: string): JsonDocument | undefined {
  const document = readJson(plaintext);
  const watermark = (document?.value as { watermark?: { appid?: unknown } } | null | undefined)?.watermark;
  return watermark?.appid === appid ? document : undefined;
}

/** The JSON of decrypted data. */
export function readJson(plaintext: Buffer | undefined): JsonDocument | undefined {
  const text = readText(plaintext);
  return text === undefined ? undefined : parsePhpJsonText(text);
}

/** Decrypted data as text. Not UTF-8 counts as not decrypted. */
export function readText(plaintext: Buffer | undefined): string | undefined {
  return plaintext !== undefined && isUtf8(plaintext) ? plaintext.toString('utf8') : undefined;
}

function decryptWhole(key: Buffer, iv: Buffer, encryptData: unknown): Buffer | undefined {
  const plaintext = decrypt(key, iv, readData(encryptData));
  return plaintext === undefined ? undefined : stripPadding(plaintext, blockBytes);
}

function decrypt(key: Buffer, iv: Buffer, data: Buffer): Buffer | undefined {
  if (key.length !== blockBytes || iv.length !== blockBytes) return undefined;
  if (data.length === 0 || data.length % blockBytes !== 0) return undefined;
  const decipher = createDecipheriv('aes-128-cbc', key, iv).setAutoPadding(false);
  return Buffer.concat([decipher.update(data), decipher.final()]);
}

function readData(encryptData: unknown): Buffer {
  const isText = typeof encryptData === 'string' || typeof encryptData === 'number';
  return isText ? decodeBase64(String(encryptData)) : Buffer.alloc(0);
}

/** As PHP reads base64: foreign characters are skipped, padding may be missing. Node would take `-` and `_` for `+` and `/`. */
function decodeBase64(text: string): Buffer {
  return Buffer.from(text.replace(/[^A-Za-z0-9+/]/g, ''), 'base64');
}

/** As mcrypt did: a partial block is filled up with NUL bytes. */
function padToBlock(data: Buffer): Buffer {
  const missing = (blockBytes - (data.length % blockBytes)) % blockBytes;
  return missing === 0 ? data : Buffer.concat([data, Buffer.alloc(missing)]);
}

/** @returns undefined if not every byte of the padding says how long it is */
function stripPadding(plaintext: Buffer, most: number): Buffer | undefined {
  const count = plaintext.at(-1) ?? 0;
  if (count < 1 || count > most || count > plaintext.length) return undefined;
  const end = plaintext.length - count;
  return plaintext.subarray(end).every((byte) => byte === count) ? plaintext.subarray(0, end) : undefined;
}

/** As the original: only the last byte counts, and only from 1 to 32; the other padding bytes are not looked at. */
function recordedPadding(plaintext: Buffer): number {
  const count = plaintext.at(-1) ?? 0;
  return count > maxRecordedPadding ? 0 : count;
}
