import type { JsonDocument } from './php-json.ts';

/** A JSON document with all members of all its objects, in the order of the text. */
export interface JsonWithMembers extends JsonDocument {
  readonly members: readonly JsonMember[];
}

/** A member of an object, at any depth. */
export interface JsonMember {
  /** 1 for a member of the document itself. */
  readonly depth: number;
  readonly name: string;
  /**
   * The name without case, width, accents and what stands between its letters, as a generous reader takes it: `OPENID`
   * for `openId`, `open_id` and more. What follows a NUL is lost to parsers written in C.
   */
  readonly plainName: string;
  /** A string or null as it is; any other value is `undefined`. */
  readonly value: string | null | undefined;
  /** Where the value begins in the text. */
  readonly valueAt: number;
}

/**
 * Finds the members, which JSON.parse does not tell: of two with one name it keeps the last, where other parsers take
 * the first. Its time is in proportion to the text; it runs at every log-in with user data.
 */
export function withMembers(document: JsonDocument | JsonWithMembers): JsonWithMembers {
  if ('members' in document) return document;
  const { text, value } = document;
  const members: JsonMember[] = [];
  let depth = 0;
  let index = 0;
  while (index < text.length) {
    const char = text.charCodeAt(index);
    if (char !== quote) {
      if (char === 0x5b || char === 0x7b) depth++;
      else if (char === 0x5d || char === 0x7d) depth--;
      index++;
      continue;
    }
    const end = endOfString(text, index);
    const colonAt = skipSpace(text, end);
    if (text.charCodeAt(colonAt) !== colon) {
      index = end;
      continue;
    }
    const name = decodeString(text, index, end);
    const valueAt = skipSpace(text, colonAt + 1);
    members.push({ depth, name, plainName: toPlainName(name), value: readValue(text, valueAt), valueAt });
    index = valueAt;
  }
  return { text, value, members };
}

const quote = 0x22;
const colon = 0x3a;
const backslash = 0x5c;

/** Behind the quote that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let index = start + 1; ;) {
    const end = text.indexOf('"', index);
    if (end === -1) return text.length + 1;
    let escapes = end;
    while (text.charCodeAt(escapes - 1) === backslash) escapes--;
    if ((end - escapes) % 2 === 0) return end + 1;
    index = end + 1;
  }
}

function skipSpace(text: string, start: number): number {
  let index = start;
  // Only these four can stand here in valid JSON at or below the space.
  while (text.charCodeAt(index) <= 0x20) index++;
  return index;
}

function readValue(text: string, at: number): string | null | undefined {
  if (text.charCodeAt(at) === quote) return decodeString(text, at, endOfString(text, at));
  return text.startsWith('null', at) ? null : undefined;
}

function decodeString(text: string, start: number, end: number): string {
  const inner = text.slice(start + 1, end - 1);
  return inner.includes('\\') ? (JSON.parse(text.slice(start, end)) as string) : inner;
}

const asciiLetters = /^[A-Za-z]+$/;
/** Names of WeChat's own profiles: nearly all that come. */
const plainNames = new Map(
  [
    'openId',
    'unionId',
    'nickName',
    'gender',
    'language',
    'city',
    'province',
    'country',
    'avatarUrl',
    'watermark',
    'appid',
    'timestamp',
  ].map((name) => [name, name.toUpperCase()]),
);

function toPlainName(name: string): string {
  const known = plainNames.get(name);
  if (known !== undefined) return known;
  if (asciiLetters.test(name)) return name.toUpperCase();
  const [visible = ''] = name.split('\0', 1);
  return visible
    .normalize('NFKD')
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]/g, '');
}
