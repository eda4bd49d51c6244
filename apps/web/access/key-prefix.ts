import { withoutLeadingSlashes } from './leading-slashes.ts';

/** What a caller's key stands behind in the address that a back end is given: `/k/<key>/mina_auth/`. */
export const keyPrefix = '/k/';

/**
 * Takes a caller's key off a URL. Nothing is decoded and no dots are resolved: but for slashes too many, what is not spelled in
 * the one way is another path.
 * @param url that begins with {@link keyPrefix}
 */
export function splitKeyPrefix(url: string): { readonly key: string; readonly rest: string } {
  const end = url.indexOf('/', keyPrefix.length);
  return end < 0
    ? { key: url.slice(keyPrefix.length), rest: '' }
    : { key: url.slice(keyPrefix.length, end), rest: withoutLeadingSlashes(url.slice(end)) };
}

/** The URL that a caller with a key means; any other as it is. */
export function withoutKey(url: string): string {
  return url.startsWith(keyPrefix) ? splitKeyPrefix(url).rest : url;
}
