import { listLastHeard, readDataAgeMs, type InstanceRole, type LastHeard } from '../../redis/presence.ts';
import { callRoll, type RollCallAnswer } from '../../redis/roll-call.ts';
import { createQueueReader } from '../../rpc/queue-state.ts';
import type { OpenRedis } from '../stores.ts';
import { plural } from '../words.ts';
import { judgeKeys } from './held-keys.ts';
import { judgeClock } from './clocks.ts';
import { fault, ok, warning, type Finding } from './finding.ts';
import { describeQueues } from './queues.ts';
import { describeSilent } from './silent-process.ts';

const roles: readonly InstanceRole[] = ['web', 'worker'];
const rollCallTimeoutMs = 2000;
/** A process tells Redis about itself when it starts, and every five seconds. */
const emptiedToleranceMs = 6000;

/** Whether front ends and workers answer, by right clocks, and whether jobs are taken: a worker can answer and take none. */
export async function checkProcesses({ commands, clock }: OpenRedis, loginQueues: number): Promise<Finding[]> {
  const known = await listLastHeard(commands, clock);
  // Of a role of which nobody is known somebody may answer all the same: Redis may have been emptied a moment ago.
  const isComplete = (soFar: ReadonlyMap<string, RollCallAnswer>) =>
    known.every(({ instance }) => soFar.has(instance)) && roles.every((role) => namesOf(role, soFar).length > 0);
  const [answers, queues] = await Promise.all([
    callRoll(commands, isComplete, rollCallTimeoutMs),
    createQueueReader(commands, loginQueues).readEach(clock.nowMs()),
  ]);
  const webs = namesOf('web', answers).length;
  const keyFaults = judgeKeys(answers);
  // One that waits for a key takes no jobs.
  const workers = namesOf('worker', answers).filter((name) => answers.get(name)?.waitsForKeys !== true).length;
  const isWaiting = workers === 0 && namesOf('worker', answers).length > 0;
  const silent = known.filter(({ instance }) => !answers.has(instance));
  return [
    webs > 0
      ? ok('processes.web', `${plural(webs, 'front end')} alive`)
      : fault('processes.web', 'no front end is alive', 'npm run web, or: npx pm2 start ecosystem.config.js', 'no_web'),
    ...keyFaults,
    ...(isWaiting
      ? []
      : [
          workers > 0
            ? ok('processes.worker', `${plural(workers, 'worker')} alive`)
            : fault(
                'processes.worker',
                'no worker is alive: nobody can log in',
                'npm run worker, or: npx pm2 start ecosystem.config.js',
                'no_worker',
              ),
        ]),
    ...describeSilentOnes(silent, answers),
    ...checkClocks(answers),
    ...checkEmptied(await readDataAgeMs(commands, clock), answers),
    describeQueues(queues, workers),
  ];
}

/** For so long an end without a farewell is news, whoever has taken the place. */
const newsMs = 60_000;

/** A process that began after another was last heard of has taken its place, and that of no third one. */
function describeSilentOnes(silent: readonly LastHeard[], answers: ReadonlyMap<string, RollCallAnswer>): Finding[] {
  const free = new Map(answers);
  return silent
    .toSorted((one, other) => one.silentMs - other.silentMs)
    .map((process) => {
      const role = roles.find((each) => process.instance.startsWith(`${each}-`)) ?? 'web';
      if (process.silentMs < newsMs) return describeSilent(process, false);
      const heir = namesOf(role, free).find((name) => (free.get(name)?.servingMs ?? Infinity) <= process.silentMs);
      if (heir !== undefined) free.delete(heir);
      return describeSilent(process, heir !== undefined);
    });
}

function namesOf(role: InstanceRole, answers: ReadonlyMap<string, RollCallAnswer>): string[] {
  return [...answers.keys()].filter((name) => name.startsWith(`${role}-`));
}

function checkClocks(answers: ReadonlyMap<string, RollCallAnswer>): Finding[] {
  const findings = [...answers].map(([instance, { driftMs }]) =>
    judgeClock('processes.clock', {
      whose: instance,
      seconds: driftMs / 1000,
      reference: "Redis's",
      cause: 'clock_process',
    }),
  );
  const wrong = findings.filter(({ state }) => state !== 'ok');
  if (wrong.length > 0 || findings.length === 0) return wrong;
  return [ok('processes.clock', 'the clocks of all processes agree with that of Redis')];
}

/** Processes that were there before the first of Redis's data: it has come back empty, or was flushed. */
function checkEmptied(dataAgeMs: number | undefined, answers: ReadonlyMap<string, RollCallAnswer>): Finding[] {
  const oldestMs = Math.max(...[...answers.values()].map(({ servingMs }) => servingMs));
  if (oldestMs - (dataAgeMs ?? 0) <= emptiedToleranceMs) return [];
  const when = dataAgeMs === undefined ? 'just now' : `${Math.round(dataAgeMs / 1000)} s ago`;
  return [
    warning(
      'redis.data',
      `Redis lost its data ${when}: it was restarted without them, or flushed. Log-ins in flight failed; sessions are safe in MySQL and the cache fills again`,
      'Nothing needs to be done now. That a restart keeps them: appendonly yes in redis.conf; that nobody flushes: rename-command FLUSHALL "", or an ACL.',
      'redis_emptied',
    ),
  ];
}
