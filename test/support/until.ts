import { patience } from './machine-load.ts';

/**
 * Waits until a condition that can only be looked at holds.
 * @param timeoutMs on a quiet machine; on a busy one so many times as long as its work takes there
 * @throws after that time, naming what was waited for
 */
export async function until(what: string, isSo: () => unknown, timeoutMs = 15_000): Promise<void> {
  const startedAt = performance.now();
  while (!(await isSo())) {
    const waitedMs = performance.now() - startedAt;
    if (waitedMs > timeoutMs * patience()) throw new Error(`waited ${Math.round(waitedMs)} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
