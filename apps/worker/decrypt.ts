import { createDecipheriv } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import { parsePhpJson, type JsonDocument } from '../../shared/protocol/php-json.ts';

const blockBytes = 16;
const maxPadding = 32;
const base64Of16Bytes = /^[A-Za-z0-9+/=]{24}$/;

/**
 * The legacy scheme: AES-128-CBC with key = iv = the session_key. It never fails at a log-in: what does not decrypt to JSON is no
 * profile (docs/protocol.md#user-data).
 */
export function decryptLegacy(sessionKey: string, encryptData: unknown): Buffer | undefined {
  const key = decodeBase64(sessionKey);
  return decrypt(key, key, encryptData);
}

/** Today's scheme: with an iv of its own. session_key and iv are 24 characters of base64. */
export function decryptWithIv(sessionKey: string, iv: unknown, encryptData: unknown): Buffer | undefined {
  const ivText = typeof iv === 'string' ? withPlus(iv) : '';
  if (!base64Of16Bytes.test(sessionKey) || !base64Of16Bytes.test(ivText)) return undefined;
  const [key, ivBytes] = [decodeBase64(sessionKey), decodeBase64(ivText)];
  if (typeof encryptData === 'string' && encryptData.includes(' ')) {
    const plaintext = decrypt(key, ivBytes, withPlus(encryptData));
    if (plaintext !== undefined && parsePhpJson(plaintext) !== undefined) return plaintext;
  }
  return decrypt(key, ivBytes, encryptData);
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
  const document = plaintext === undefined ? undefined : parsePhpJson(plaintext);
  const watermark = (document?.value as { watermark?: { appid?: unknown } } | null | undefined)?.watermark;
  return watermark?.appid === appid ? document : undefined;
}

/** Decrypted data as text. Not UTF-8 counts as not decrypted. */
export function readText(plaintext: Buffer | undefined): string | undefined {
  return plaintext !== undefined && isUtf8(plaintext) ? plaintext.toString('utf8') : undefined;
}

function decrypt(key: Buffer, iv: Buffer, encryptData: unknown): Buffer | undefined {
  if (key.length !== blockBytes || iv.length !== blockBytes) return undefined;
  if (typeof encryptData !== 'string' && typeof encryptData !== 'number') return undefined;
  const data = padToBlock(decodeBase64(String(encryptData)));
  if (data.length === 0) return undefined;
  const decipher = createDecipheriv('aes-128-cbc', key, iv).setAutoPadding(false);
  return stripPadding(Buffer.concat([decipher.update(data), decipher.final()]));
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

/** As the original: only the last byte counts, and only from 1 to 32; the other padding bytes are not looked at. */
function stripPadding(plaintext: Buffer): Buffer {
  const padding = plaintext.at(-1) ?? 0;
  return padding < 1 || padding > maxPadding
    ? plaintext
    : plaintext.subarray(0, Math.max(plaintext.length - padding, 0));
}
