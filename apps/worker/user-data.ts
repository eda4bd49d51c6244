import { createHash, timingSafeEqual } from 'node:crypto';
import type { SignedData } from '../../shared/rpc/contract.ts';
import type { JsonDocument } from '../../shared/protocol/php-json.ts';
import type { App } from '../../shared/store/app-reader.ts';
import { decryptWithIv, readWatermarked } from './decrypt.ts';

/** Data that a mini program sends on from WeChat, and what it is for. */
export interface UserData {
  readonly encryptData: unknown;
  readonly iv: unknown;
}

/** Why user data is refused, as a token for X-Wafer-Reason. */
export type UserDataFault = 'user_data_not_decrypted' | 'user_data_too_old';

/**
 * Decrypts user data in today's scheme: its watermark has to name the app and, if the app says so, to be young enough.
 * @param nowSeconds since 1970
 */
export function readUserData(
  sessionKey: string,
  { encryptData, iv }: UserData,
  app: Pick<App, 'appid' | 'watermarkMaxAgeSeconds'>,
  nowSeconds: number,
): JsonDocument | UserDataFault {
  const document = readWatermarked(decryptWithIv(sessionKey, iv, encryptData), app.appid);
  if (document === undefined) return 'user_data_not_decrypted';
  const { timestamp } = (document.value as { watermark: { timestamp?: unknown } }).watermark;
  const maxAgeSeconds = app.watermarkMaxAgeSeconds;
  // Written so that a timestamp which is no number counts as too old.
  const isYoung = typeof timestamp === 'number' && nowSeconds - timestamp <= (maxAgeSeconds ?? 0);
  return maxAgeSeconds === undefined || isYoung ? document : 'user_data_too_old';
}

/** Whether the signature is sha1(rawData + session_key) in hex (docs/protocol.md#user-data). */
export function isSignatureRight({ rawData, signature }: SignedData, sessionKey: string): boolean {
  if (typeof rawData !== 'string' || typeof signature !== 'string') return false;
  const expected = createHash('sha1')
    .update(rawData + sessionKey, 'utf8')
    .digest('hex');
  const given = Buffer.from(signature.toLowerCase());
  return given.length === expected.length && timingSafeEqual(given, Buffer.from(expected));
}
