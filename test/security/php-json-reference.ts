/**
 * What PHP's json_decode takes for JSON, said in another way than the server says it: JSON.parse, and then the differences that
 * docs/protocol.md#checks lists.
 */
export function isJsonForPhp(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes).toString('utf8');
  // Bytes that are no UTF-8 become U+FFFD, so they do not come back.
  if (!Buffer.from(text, 'utf8').equals(bytes)) return false;
  try {
    JSON.parse(text);
  } catch {
    return false;
  }
  const strings = [...text.matchAll(/"(?:[^"\\]|\\.)*"/gs)];
  const isFine = strings.every((match) => {
    const value = JSON.parse(match[0]) as string;
    const isName = text
      .slice(match.index + match[0].length)
      .trimStart()
      .startsWith(':');
    return Buffer.from(value, 'utf8').toString('utf8') === value && !(isName && value.startsWith('\0'));
  });
  return isFine && depthOf(text.replaceAll(/"(?:[^"\\]|\\.)*"/gs, '')) <= 511;
}

function depthOf(brackets: string): number {
  let depth = 0;
  let deepest = 0;
  for (const char of brackets) {
    if ('[{'.includes(char)) deepest = Math.max(deepest, ++depth);
    else if (']}'.includes(char)) depth--;
  }
  return deepest;
}
