import { longestOrderMs, type LevelOrder } from './level-order.ts';
import type { Log } from './log.ts';

/** Changes how this process logs, and changes it back by itself. */
interface LevelSwitch {
  /** @param nowMs Redis's time */
  obey(order: LevelOrder, nowMs: number): void;
  close(): void;
}

/** @param sampleChecks is told how many checks there are to a line of the log; 0: no lines */
export function createLevelSwitch(log: Log, sampleChecks: (every: number) => void = () => undefined): LevelSwitch {
  const usual = log.level;
  let obeyed = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  const change = (level: string, checksEvery: number): void => {
    const facts = { level, was: log.level, checksEvery };
    // In the louder of the two levels somebody may see it.
    if (log.isLevelEnabled('info')) log.info(facts, 'log level changed');
    else {
      log.level = level;
      log.info(facts, 'log level changed');
    }
    log.level = level;
    sampleChecks(checksEvery);
  };

  return {
    obey({ level = usual, checksEvery, givenAtMs, untilMs }, nowMs) {
      const leftMs = Math.min(untilMs - nowMs, longestOrderMs);
      if (givenAtMs <= obeyed || leftMs <= 0) return;
      obeyed = givenAtMs;
      clearTimeout(timer);
      change(level, checksEvery);
      timer = setTimeout(() => change(usual, 0), leftMs);
      timer.unref();
    },
    close: () => clearTimeout(timer),
  };
}
