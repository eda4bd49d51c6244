import { untilReady, type TestStack } from './stack.ts';

/** A front end with the fast lane, or one where Koa answers everything. */
export interface Way {
  /** For titles. */
  readonly how: string;
  /** What other front ends of this kind are started with. */
  readonly env: Record<string, string>;
}

export const ways: readonly Way[] = [
  { how: 'with the fast lane', env: {} },
  { how: 'without the fast lane', env: { FAST_LANE: 'false' } },
];

/** Front ends of a stack, one of each kind; its own first one is the one with the lane. */
export async function openBothWays(stack: TestStack): Promise<readonly (Way & { readonly url: string })[]> {
  const [, off] = ways as [Way, Way];
  const url = await stack.addWeb(off.env);
  await untilReady(url);
  return [
    { ...(ways[0] as Way), url: stack.urls[0] },
    { ...off, url },
  ];
}
