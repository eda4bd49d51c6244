/**
 * What stands behind `?` in the URL of a store. A parameter that nobody understands is a fault: it would be believed to do something.
 * @param query without the `?`; undefined: there is none
 * @throws {TypeError} with the name of a parameter, never with its value
 */
export function parseUrlParameters<Name extends string>(
  query: string | undefined,
  known: readonly Name[],
): Partial<Record<Name, string>> {
  const parameters: Partial<Record<Name, string>> = {};
  for (const part of (query ?? '').split('&').filter((text) => text !== '')) {
    const separator = part.indexOf('=');
    const name = decode(separator === -1 ? part : part.slice(0, separator));
    const value = separator === -1 ? '' : decode(part.slice(separator + 1));
    if (!known.includes(name as Name)) {
      // A name in disorder may be the end of a password.
      const shown = /^[A-Za-z][\w-]{0,40}$/.test(name) && separator !== -1 ? `"${name}"` : 'one';
      throw new TypeError(`has a parameter that is not understood, ${shown}; there are: ${known.join(', ')}`);
    }
    if (value === '') throw new TypeError(`has no value for the parameter ${name}`);
    if (parameters[name as Name] !== undefined) throw new TypeError(`has the parameter ${name} twice`);
    parameters[name as Name] = value;
  }
  return parameters;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError('has a % behind ? that begins no percent-encoded character');
  }
}
