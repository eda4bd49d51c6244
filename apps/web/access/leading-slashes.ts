const slash = 47;
const forCallers = /^\/+(?=\/(?:mina_auth|forward-auth|k\/))/;

/**
 * `//mina_auth/` is what an SDK asks for that was given a base address with a slash at its end. One slash too many, or several, before a
 * path for callers are left out; before any other path they make another path, so that what a proxy refuses by its name has no second one.
 * @param url that begins with a slash
 */
export function withoutLeadingSlashes(url: string): string {
  return url.charCodeAt(1) === slash ? url.replace(forCallers, '') : url;
}
