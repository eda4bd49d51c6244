import { setTimeout } from 'node:timers/promises';
import { registerCompletionHandler, type TestFn } from 'ava';
import { patience } from './machine-load.ts';

declare global {
  namespace NodeJS {
    interface Process {
      reallyExit(code?: number | string | null): never;
    }
  }
}

/** Where a resource registers its end: `t.teardown` for one test, `closeAfterAll(test)` for a whole file. */
export type OnClose = (close: () => Promise<void>) => void;

/**
 * For what all tests of a file use, opened by a top-level await before the first test is declared. It is closed when all
 * have ended, the last first; a close that fails, or never ends, keeps none of the others from running.
 *
 * No hook of ava's: after one a file may not await any more (findings/ava-hook-before-await.sh).
 */
export function closeAfterAll(test: TestFn): (close: () => unknown) => void {
  const closers: (() => unknown)[] = [];
  registerCompletionHandler(() => void closeAll(test.meta.file, closers));
  return (close) => void closers.push(close);
}

async function closeAll(file: string, closers: readonly (() => unknown)[]): Promise<void> {
  for (const close of closers.toReversed()) {
    try {
      await inTime(close);
    } catch (error) {
      process.exitCode = 1;
      process.stderr.write(`not all was closed: ${String(error instanceof Error ? error.stack : error)}\n`);
    }
  }
  endAnyway(file);
}

/**
 * What tests left open would keep a file's process for as long as ava waits, which then names neither the file nor what is open
 * (findings/ava-kept-process.sh).
 * A process that ends by itself does not get here, as the timer does not keep it.
 */
function endAnyway(file: string): void {
  void setTimeout(lingerMs * patience(), undefined, { ref: false }).then(() => {
    process.stderr.write(`${file} closed everything, and has yet: ${process.getActiveResourcesInfo().join(', ')}\n`);
    // process.exit is ava's here, and a mistake: exit-at-once.js.
    process.reallyExit(process.exitCode);
  });
}

const lingerMs = 10_000;

/** An orderly end of a process takes 14 s at most. */
const closeTimeoutMs = 30_000;

async function inTime(close: () => unknown): Promise<void> {
  const isClosed = new AbortController();
  const { signal } = isClosed;
  const late = setTimeout(closeTimeoutMs * patience(), true, { signal }).catch(() => false);
  try {
    const isLate = await Promise.race([Promise.resolve(close()).then(() => false), late]);
    if (isLate) throw new Error(`not closed in time: ${String(close)}`);
  } finally {
    isClosed.abort();
  }
}
