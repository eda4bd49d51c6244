import { setInterval } from 'node:timers';

const tickMs = 20;

/**
 * Sends so many requests a second, whatever becomes of them.
 * @returns what ends it; resolves when all have ended
 */
export function pace(perSecond: number, send: () => Promise<unknown>): () => Promise<void> {
  const startedAt = performance.now();
  const underWay = new Set<Promise<unknown>>();
  let sent = 0;
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedAt) / 1000) * perSecond);
    for (; sent < due; sent++) {
      const one: Promise<unknown> = send()
        .catch(() => undefined)
        .finally(() => underWay.delete(one));
      underWay.add(one);
    }
  }, tickMs);
  return async () => {
    clearInterval(timer);
    await Promise.all(underWay);
  };
}
