import { registerCompletionHandler, type TestFn } from 'ava';

/** Where a resource registers its end: `t.teardown` for one test, `closeAfterAll(test)` for a whole file. */
export type OnClose = (close: () => Promise<void>) => void;

/**
 * For what all tests of a file use, opened by a top-level await before the first test is declared. It is closed when all
 * have ended, the last first; a close that fails keeps none of the others from running.
 *
 * No hook of ava's: after one a file may not await any more (findings/ava-hook-before-await.sh).
 */
export function closeAfterAll(_test: TestFn): (close: () => unknown) => void {
  const closers: (() => unknown)[] = [];
  registerCompletionHandler(() => void closeAll(closers));
  return (close) => void closers.push(close);
}

async function closeAll(closers: readonly (() => unknown)[]): Promise<void> {
  for (const close of closers.toReversed()) {
    try {
      await close();
    } catch (error) {
      process.exitCode = 1;
      process.stderr.write(`not all was closed: ${String(error instanceof Error ? error.stack : error)}\n`);
    }
  }
}
