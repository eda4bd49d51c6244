/** The address behind a caller's key at which access tokens are handed out, and that `WECHAT_TOKEN_URL` of another installation can be. */
export const tokenPath = '/token';

/**
 * Which installations have passed on a fetch of a token so far, the first one first. An installation that finds itself there would wait
 * for itself (docs/production.md#access-tokens-for-others).
 */
export const tokenViaHeader = 'x-wafer-token-via';

/** SHA-256 in hex of the token that WeChat has just refused: whoever hands tokens out may not know of it, since it may not use them itself. */
export const refusedTokenHeader = 'x-wafer-refused-token';

const installationShape = /^[\w-]{1,64}$/;
const refusedShape = /^[0-9a-f]{64}$/;
/** Longer chains are none that anybody set up. */
const maxInstallations = 8;

/** @returns undefined if it is not a list of installations, or too long a one */
export function parseTokenVia(header: string): readonly string[] | undefined {
  if (header === '') return [];
  const via = header.split(',').map((part) => part.trim());
  return via.length <= maxInstallations && via.every((name) => installationShape.test(name)) ? via : undefined;
}

export function parseRefusedToken(header: string): string | undefined {
  return refusedShape.test(header) ? header : undefined;
}
