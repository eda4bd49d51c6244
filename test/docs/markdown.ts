/** Text of a page without its code blocks; lines keep their numbers. */
export function withoutCodeBlocks(markdown: string): string {
  return markdown.replaceAll(/^( *)```[^]*?^\1```$/gm, (block) => block.replaceAll(/[^\n]/g, ' '));
}

/** Where a link into this page can lead: its headings, as GitHub names them, and anchors of its own. */
export function anchorsOf(markdown: string): Set<string> {
  const text = withoutCodeBlocks(markdown);
  const anchors = new Set([...text.matchAll(/<a id="([^"]+)"><\/a>/g)].map(([, id = '']) => id));
  const seen = new Map<string, number>();
  for (const [, heading = ''] of text.matchAll(/^#+ +(.+)$/gm)) {
    const slug = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
      .replaceAll(' ', '-');
    const count = seen.get(slug) ?? 0;
    anchors.add(count === 0 ? slug : `${slug}-${count}`);
    seen.set(slug, count + 1);
  }
  return anchors;
}

export function codeBlocksOf(markdown: string): string[] {
  return [...markdown.matchAll(/^( *)```[^]*?^\1```$/gm)].map(([block]) => block);
}

/** What stands between single backticks, without code blocks. A span that goes over a line end is none. */
export function codeSpansOf(markdown: string): string[] {
  return withoutCodeBlocks(markdown)
    .split('\n')
    .flatMap((line) => [...line.matchAll(/(?<!`)`([^`]+)`(?!`)/g)].map(([, span = '']) => span));
}

/** What only one of the two lists has; both empty: they have the same. */
export function differenceOf(one: Iterable<string>, other: Iterable<string>): { first: string[]; second: string[] } {
  const [first, second] = [new Set(one), new Set(other)];
  return {
    first: [...first].filter((each) => !second.has(each)),
    second: [...second].filter((each) => !first.has(each)),
  };
}

export const noDifference = { first: [], second: [] };
