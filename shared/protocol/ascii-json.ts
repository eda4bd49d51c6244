const shortEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '/': '\\/',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

// eslint-disable-next-line no-control-regex -- JSON escapes control characters, so they have to be named here
const needsEscape = /["\\/\u0000-\u001f]|[^\u0000-\u007f]/g;

/**
 * A JSON string as PHP's json_encode writes it: ASCII, `/` as `\/`, everything above U+007F as `\uXXXX` in UTF-16 units.
 * The Java SDK decodes with the platform's charset, so an answer must not hold other bytes.
 */
export function toAsciiString(value: string): string {
  return `"${value.replace(needsEscape, escapeChar)}"`;
}

function escapeChar(char: string): string {
  return shortEscapes[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** A text with none of these has no escapes, and no white space between its tokens. */
const needsTokens = /[\\ \t\r\n]/;
const needsEscapeInPlain = /[/\u0080-\uffff]/g;
const token = /"[^"\\]*(?:\\.[^"\\]*)*"|[ \t\r\n]+/gs;
const plainString = /^"[^\\/\u0080-\uffff]*"$/;

/**
 * Passes a valid JSON text through for the wire: white space between tokens goes, strings get PHP's ASCII escapes, and all else
 * (key order, number spelling, `{}` against `[]`, duplicate keys) stays as it was.
 */
export function toAsciiJson(text: string): string {
  // As WeChat sends profiles: what has to be escaped stands in strings, and nothing is escaped yet.
  if (!needsTokens.test(text)) return text.replace(needsEscapeInPlain, escapeChar);
  return text.replace(token, (match) => {
    if (match.charCodeAt(0) !== 0x22) return '';
    return plainString.test(match) ? match : toAsciiString(JSON.parse(match) as string);
  });
}
