import type { Sequelize } from 'sequelize';
import { createOutageWarning, type Log } from '../../../shared/log/log.ts';
import { gaugeOf } from '../../../shared/metrics/gauge-of.ts';
import { createFiguresReader, type GroupFigures } from '../../../shared/metrics/read-figures.ts';
import type { RedisClock } from '../../../shared/redis/clock.ts';
import type { RedisClient } from '../../../shared/redis/connect.ts';
import { listInstances } from '../../../shared/redis/presence.ts';
import { minuteMs, removeOldSamples, takeSample } from './take-sample.ts';

/** After the minute has ended: front ends publish every five seconds, and need not do so at once with all others. */
const afterMs = 500;
/** Workers whose timers fire together: the first one to come takes the minute, the others find it taken. */
const spreadMs = 1500;
const takenKey = (minute: number) => `wafer:{metrics}:sampled:${minute}`;
const takenForMs = 2 * minuteMs;
/** Once an hour, in this minute of it. */
const removalMinute = 17;

/**
 * Takes a sample of what all processes have counted, once a minute; one of all workers does it. A minute that is left out, as while MySQL is
 * away, is in the next one's sample.
 * @param days for which samples are kept
 */
export function startSampler(deps: {
  readonly sequelize: Sequelize;
  readonly commands: RedisClient;
  readonly clock: RedisClock;
  readonly instance: string;
  readonly days: number;
  readonly log: Log;
}): { close(): Promise<void> } {
  const { sequelize, commands, clock, instance, days, log } = deps;
  const reader = createFiguresReader(commands, clock);
  const warn = createOutageWarning(log, 'sample not taken');
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  let working: Promise<void> = Promise.resolve();

  const sample = async (): Promise<void> => {
    await clock.sync();
    const minute = Math.floor(clock.nowMs() / minuteMs);
    if ((await commands.set(takenKey(minute), instance, 'PX', takenForMs, 'NX')) === null) return;
    const [figures, instances] = await Promise.all([reader.read(), listInstances(commands, clock)]);
    const isOf = (role: string) => instances.filter((name) => name.startsWith(`${role}-`)).length;
    const nowMs = Math.floor(clock.nowMs());
    const system = { ...waitingOf(figures), web: isOf('web'), workers: isOf('worker') };
    await takeSample(sequelize, figures, system, nowMs);
    if (minute % 60 === removalMinute) await removeOldSamples(sequelize, nowMs / 1000 - days * 86_400);
  };

  const schedule = (): void => {
    if (isClosed) return;
    const toNext = minuteMs - (clock.nowMs() % minuteMs);
    timer = setTimeout(
      () => {
        working = sample().catch(warn).finally(schedule);
      },
      toNext + afterMs + Math.random() * spreadMs,
    );
    timer.unref();
  };
  schedule();
  return {
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await working;
    },
  };
}

/** Every front end shows the same. */
function waitingOf(figures: readonly GroupFigures[]): { readonly waiting?: number; readonly oldestMs?: number } {
  const waiting = gaugeOf(figures, 'wafer_queue_jobs', 'sum-of-series', ({ state }) => state === 'waiting');
  const oldest = gaugeOf(figures, 'wafer_queue_oldest_seconds', 'max');
  return {
    ...(waiting === undefined ? {} : { waiting }),
    ...(oldest === undefined ? {} : { oldestMs: Math.round(oldest * 1000) }),
  };
}
