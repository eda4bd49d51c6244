import { setTimeout } from 'node:timers/promises';
import { describeError, type Log } from '../log/log.ts';

/** Closes what was opened, the last first. Code that opens something adds its close on the next line. */
export interface Closer {
  add(name: string, close: () => unknown): void;
  /** What `opening` comes to. If it fails, this closes before it throws the same. */
  orClose<Opened>(opening: Promise<Opened>): Promise<Opened>;
  /** Runs every close once; one that fails or takes too long is logged and left behind. */
  close(): Promise<void>;
}

const stepTimeoutMs = 10_000;

export function createCloser(log: Log): Closer {
  const steps: { name: string; close: () => unknown }[] = [];
  let closing: Promise<void> | undefined;
  const closeAll = async () => {
    for (const { name, close } of steps.toReversed()) {
      const limit = new AbortController();
      try {
        await Promise.race([
          Promise.resolve(close()).finally(() => limit.abort()),
          setTimeout(stepTimeoutMs, undefined, { signal: limit.signal }).then(() =>
            log.warn({ step: name }, 'took too long to close'),
          ),
        ]);
      } catch (error) {
        if (!limit.signal.aborted || !(error instanceof Error && error.name === 'AbortError')) {
          log.warn({ step: name, err: describeError(error) }, 'did not close cleanly');
        }
      }
    }
  };
  const close = () => (closing ??= closeAll());
  return {
    add: (name, close) => void steps.push({ name, close }),
    async orClose(opening) {
      try {
        return await opening;
      } catch (error) {
        await close();
        throw error;
      }
    },
    close,
  };
}
