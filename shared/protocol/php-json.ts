import { isUtf8 } from 'node:buffer';

/** PHP's json_decode accepts 511 levels and refuses 512 (conformance vectors `env-depth-511`, `env-depth-512`). */
const maxDepth = 511;

/** The text of a JSON document that PHP's json_decode accepts, with the value that it stands for. */
export interface JsonDocument {
  readonly text: string;
  readonly value: unknown;
}

/**
 * Parses JSON exactly as strictly as the original did. `JSON.parse` alone also accepts lone surrogate escapes, property names
 * that begin with NUL and any nesting; decoding bytes leniently would accept invalid UTF-8.
 * @returns undefined if the bytes are not JSON for PHP.
 */
export function parsePhpJson(bytes: Uint8Array): JsonDocument | undefined {
  if (!isUtf8(bytes)) return undefined;
  return parsePhpJsonText(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
}

/** As {@link parsePhpJson}, for text that is already decoded. */
export function parsePhpJsonText(text: string): JsonDocument | undefined {
  // Before it is parsed: brackets alone cost JSON.parse 150 times as much as a usual body of their length.
  if (mayBeDeep(text) && isTooDeep(text)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (text.includes('\\u') && hasForbiddenEscape(text)) return undefined;
  return { text, value };
}

/** Whether there are brackets enough, which is quicker to see than how they nest. */
function mayBeDeep(text: string): boolean {
  if (text.length <= maxDepth) return false;
  let count = 0;
  for (const bracket of ['{', '[']) {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) {
      if (++count > maxDepth) return true;
    }
  }
  return false;
}

/** Whether valid JSON has more levels of nesting. What is no JSON up to there may be called either: it is refused anyway. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const char = text.charCodeAt(index);
    if (inString) {
      if (char === 0x5c) index++;
      else if (char === 0x22) inString = false;
    } else if (char === 0x22) inString = true;
    else if (char === 0x5b || char === 0x7b) {
      if (++depth > maxDepth) return true;
    } else if (char === 0x5d || char === 0x7d) depth--;
  }
  return false;
}

const stringToken = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/gsu;
const loneSurrogate = /\p{Cs}/u;

/** True for a lone surrogate in any string, or NUL as the first character of a property name (valid JSON given). */
function hasForbiddenEscape(text: string): boolean {
  for (const [token, colon] of text.matchAll(stringToken)) {
    if (!token.includes('\\u')) continue;
    const decoded = JSON.parse(colon === undefined ? token : token.slice(0, -colon.length)) as string;
    if (loneSurrogate.test(decoded)) return true;
    if (colon !== undefined && decoded.startsWith('\0')) return true;
  }
  return false;
}
