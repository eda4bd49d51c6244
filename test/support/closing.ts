import type { TestFn } from 'ava';

/** Where a resource registers its end: `t.teardown` for one test, `closeAfterAll(test)` for a whole file. */
export type OnClose = (close: () => Promise<void>) => void;

/**
 * For what all tests of a file use, opened by a top-level await before the first test is declared. It is closed when all
 * have ended, the last first; a close that fails keeps none of the others from running.
 */
export function closeAfterAll(test: TestFn): (close: () => unknown) => void {
  const closers: (() => unknown)[] = [];
  test.after.always(async () => {
    const failures: unknown[] = [];
    for (const close of closers.toReversed()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'not all was closed');
  });
  return (close) => void closers.push(close);
}
