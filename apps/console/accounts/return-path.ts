const anyOrigin = 'http://console.invalid';

/**
 * Where somebody wanted to go before they signed in.
 * @returns `/` for what leads anywhere else than to a place of this console
 */
export function readReturnPath(given: unknown): string {
  if (typeof given !== 'string' || !/^\/[\u0021-\u007E]*$/.test(given) || !URL.canParse(given, anyOrigin)) return '/';
  const { origin, pathname, search, hash } = new URL(given, anyOrigin);
  // As a browser reads it: //host, /\host and what becomes one of them lead away.
  if (origin !== anyOrigin || pathname.startsWith('//') || given.includes('\\')) return '/';
  return `${pathname}${search}${hash}`;
}
