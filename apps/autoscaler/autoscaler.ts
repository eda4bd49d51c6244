import { randomBytes } from 'node:crypto';
import type { Config } from '../../shared/config/config.ts';
import { createCloser } from '../../shared/lifecycle/closer.ts';
import { announceReady, type Service } from '../../shared/lifecycle/run.ts';
import { createOncePer, createOutageWarning, type Log } from '../../shared/log/log.ts';
import { createRedisClock } from '../../shared/redis/clock.ts';
import { connectRedis } from '../../shared/redis/connect.ts';
import { createRedisWarning } from '../../shared/redis/outage-warning.ts';
import { machineName } from '../../shared/redis/presence.ts';
import { decide, freshMemory, type Decision, type Memory, type Sample } from './decide.ts';
import type { WorkerList, Workers } from './pm2.ts';
import { createLoadReader } from './read-load.ts';
import { createTurns } from './turn.ts';

const lookEveryMs = 1000;
/** pm2 has to look at every process for it. */
const listEveryMs = 5000;
const tellHeldEveryMs = 60_000;

/**
 * Makes workers more and fewer as the load asks for, one at a time, between WORKER_PROCESSES and WORKERS_MAX.
 * @param isDryRun it says what it would do, and does nothing
 */
export async function startAutoscaler(
  { redis, login, workers: limits }: Config,
  { workers, isDryRun }: { readonly workers: Workers; readonly isDryRun: boolean },
  log: Log,
): Promise<Service> {
  const closer = createCloser(log);
  closer.add('pm2', () => workers.close());
  const commands = connectRedis(redis.queue, 'commands', {
    onError: createRedisWarning(log, redis.queue, 'REDIS_URL'),
  });
  closer.add('redis', () => commands.disconnect());
  const clock = createRedisClock(commands);
  closer.add('clock', () => clock.close());
  const readLoad = createLoadReader(commands, clock, login.queues);
  const turns = createTurns(commands, clock, `${machineName}-${process.pid}-${randomBytes(4).toString('hex')}`);
  const warn = createOutageWarning(log, 'the load can not be looked at');
  const tellHeld = createOncePer(tellHeldEveryMs);

  let memory: Memory = freshMemory;
  let listed: { readonly list: WorkerList; readonly atMs: number } | undefined;
  /** Of a dry run, in which nobody else is told. */
  let steppedAtMs: number | undefined;
  const list = async (): Promise<WorkerList> => {
    const list = await workers.list();
    listed = { list, atMs: performance.now() };
    return list;
  };
  const listLately = () =>
    listed !== undefined && performance.now() - listed.atMs < listEveryMs ? listed.list : list();

  const sample = async (count: number): Promise<Sample> => {
    const load = readLoad().catch((error: unknown) => {
      if (commands.status === 'ready') warn(error);
      return undefined;
    });
    const since = turns.sinceStepMs().catch(() => undefined);
    const atMs = performance.now();
    const sinceStepMs = steppedAtMs === undefined ? await since : atMs - steppedAtMs;
    return { atMs, workers: count, sinceStepMs, load: await load };
  };

  const step = async ({ step, why }: Decision, { workers: count, load }: Sample): Promise<void> => {
    const facts = { step, why, from: count, to: count + (step === 'up' ? 1 : -1), ...load };
    if (isDryRun) {
      steppedAtMs = performance.now();
      log.info(facts, 'a worker more or fewer, if this were no dry run');
      return;
    }
    // Somebody else may have changed something since.
    const now = await list();
    if (!now.isSteady || now.count !== count) return;
    await turns.take(async () => {
      log.info(facts, step === 'up' ? 'one worker more' : 'one worker fewer');
      await (step === 'up' ? workers.add() : workers.remove());
      await list();
    });
  };

  const look = async (): Promise<void> => {
    const { count, isSteady } = await listLately();
    if (!isSteady) {
      memory = { ...memory, pressedSinceMs: undefined, calmSinceMs: undefined };
      tellHeld(() => log.warn({ workers: count }, 'not every worker runs: nothing is changed until they do'));
      return void (await list());
    }
    const seen = await sample(count);
    const decision = decide(memory, seen, limits);
    ({ memory } = decision);
    const { why } = decision;
    log.debug({ step: decision.step, why, workers: count, ...seen.load }, 'looked');
    if (decision.isHeld) tellHeld(() => log.warn({ why, workers: count, ...seen.load }, 'calls wait'));
    if (decision.step !== 'stay') await step(decision, seen);
  };

  let isStopping = false;
  let timer: NodeJS.Timeout | undefined;
  const goOn = (): void => {
    if (!isStopping) timer = setTimeout(() => void look().catch(warn).finally(goOn), lookEveryMs);
  };
  closer.add('loop', () => {
    isStopping = true;
    clearTimeout(timer);
  });
  goOn();
  log.info({ ...limits, isDryRun }, 'autoscaler watches');
  announceReady();
  return { log, close: () => closer.close() };
}
