/** For messages about a URL. They never quote one: whatever is wrong with it, a part of it may be its password. */
export const encodingHint =
  'in its user and password these characters have to be percent-encoded: / is %2F, ? is %3F, # is %23, @ is %40, % is %25';

/**
 * Refuses a URL in which a character of the password ends it too early: its rest would be taken for host, path or database, and be told
 * in messages as such.
 * @throws {TypeError} without any part of the URL
 */
export function refuseUnencoded(url: string): void {
  const rest = url.slice(url.indexOf('://') + 3);
  const end = rest.search(/[/?#]/);
  const isSplit = end >= 0 && rest.includes('@', end);
  if (isSplit || /%(?![0-9a-f]{2})/i.test(url)) throw new TypeError(`can not be read: ${encodingHint}`);
  // URL leaves some of them out without a word.
  if (/\p{Cc}/u.test(url))
    throw new TypeError('can not be read: it holds a control character, such as the end of a line');
}

/** @throws {TypeError} without any part of it */
export function decodePart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError(`can not be read: what is percent-encoded in it is no UTF-8; ${encodingHint}`);
  }
}
