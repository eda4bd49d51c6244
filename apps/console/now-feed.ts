import type { Now, NowReader } from '../../shared/administration/now/now.ts';
import { shareAnswer } from '../../shared/http/shared-answer.ts';

/** How the system is, for all who look: gathered once for all of them, and not at all while nobody does. */
export interface NowFeed {
  /** Two seconds old at most. */
  read(): Promise<Now>;
  /** How it is, and every two seconds anew. Who is slow misses some. */
  watch(signal: AbortSignal): AsyncIterable<Now>;
}

const everyMs = 2000;
/** The clock of a timer: what was gathered for the last tick must not do for this one. */
const slackMs = 100;

export function createNowFeed(reader: NowReader): NowFeed {
  const read = shareAnswer(
    () => reader.read(),
    () => everyMs - slackMs,
  );
  const listeners = new Set<(now: Now) => void>();
  let timer: NodeJS.Timeout | undefined;

  const tick = () =>
    void read().then((now) => {
      for (const listener of listeners) listener(now);
    });
  const listen = (listener: (now: Now) => void): (() => void) => {
    listeners.add(listener);
    timer ??= setInterval(tick, everyMs);
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0) return;
      clearInterval(timer);
      timer = undefined;
    };
  };

  return {
    read,
    async *watch(signal) {
      yield await read();
      let latest: Now | undefined;
      let wake = () => {};
      const stop = listen((now) => {
        latest = now;
        wake();
      });
      const onAbort = () => wake();
      signal.addEventListener('abort', onAbort);
      try {
        while (!signal.aborted) {
          if (latest === undefined) await new Promise<void>((resolve) => (wake = resolve));
          const now = latest;
          latest = undefined;
          if (now !== undefined) yield now;
        }
      } finally {
        signal.removeEventListener('abort', onAbort);
        stop();
      }
    },
  };
}
