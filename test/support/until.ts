import { patience } from './machine-load.ts';

/**
 * Waits until a condition that can only be looked at holds.
 * @param timeoutMs on a quiet machine; on a busy one so many times as long as its work takes there
 * @returns what the condition gave, which is neither false nor nothing
 * @throws after that time, naming what was waited for
 */
export async function until<T>(what: string, isSo: () => T | Promise<T>, timeoutMs = 15_000): Promise<NonNullable<T>> {
  const startedAt = performance.now();
  for (;;) {
    const before = process.cpuUsage();
    const found = await isSo();
    if (found) return found;
    const { user, system } = process.cpuUsage(before);
    const waitedMs = performance.now() - startedAt;
    if (waitedMs > timeoutMs * patience()) throw new Error(`waited ${Math.round(waitedMs)} ms in vain until ${what}`);
    // A look that works much, such as at all of Redis, leaves most of the processor to what it waits for.
    await new Promise((resolve) => setTimeout(resolve, Math.max(20, (3 * (user + system)) / 1000)));
  }
}
