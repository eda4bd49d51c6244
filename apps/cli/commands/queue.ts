import type { Command } from 'commander';
import { toPlainText } from '../../../shared/log/plain-text.ts';
import { listInstances } from '../../../shared/redis/presence.ts';
import { readRetentionState, type RetentionState } from '../../../shared/retention/queue.ts';
import { createVisitLog } from '../../../shared/session/visit-log.ts';
import { readQueues } from '../queue-state.ts';
import { describeFinishedRun, describeRemoved, describeTime } from '../describe-run.ts';
import { addCommand, type CommandContext, type CommandResult } from '../result.ts';
import { readSettings, withRedis, type OpenRedis } from '../stores.ts';
import { formatTable, plural } from '../text.ts';

/** `queue show`: what waits for workers, and who is there. */
export function addQueueCommands(program: Command, { env, report }: CommandContext): void {
  const queue = program.command('queue').description('the queues between front ends and workers');
  addCommand(queue, 'show', 'shows what waits in each queue, visits on their way to MySQL, and live processes', [
    'npx wafer queue show',
    'LOGIN_QUEUES=3 npx wafer queue show --json',
  ]).action(async () => {
    const { queues } = readSettings(env, 'redis').login;
    report(await withRedis(env, (redis) => showQueues(redis, queues)));
  });
}

async function showQueues({ commands, clock }: OpenRedis, loginQueues: number): Promise<CommandResult> {
  const [queues, visitsWaiting, instances, retention] = await Promise.all([
    readQueues(commands, loginQueues, clock.nowMs()),
    createVisitLog(commands).size(),
    listInstances(commands, clock),
    readRetentionState(commands),
  ]);
  const web = instances.filter((name) => name.startsWith('web-'));
  const worker = instances.filter((name) => name.startsWith('worker-'));
  const rows = queues.map(({ queue, shard, waiting, active, delayed, oldestWaitingMs }) => [
    `${queue} ${shard}`,
    ...[waiting, active, delayed].map(String),
    oldestWaitingMs === undefined ? '' : `${(oldestWaitingMs / 1000).toFixed(1)} s`,
  ]);
  const list = (role: string, names: string[]) => [
    plural(names.length, role),
    ...names.map((name) => `  ${toPlainText(name)}`),
  ];
  return {
    text: [
      formatTable([['QUEUE', 'WAITING', 'ACTIVE', 'DELAYED', 'OLDEST WAITING'], ...rows]),
      '',
      `${plural(visitsWaiting, 'session')} with a visit that is not in MySQL yet`,
      describeRetention(retention),
      ...list('live front end', web),
      ...list('live worker', worker),
    ].join('\n'),
    json: {
      queues: queues.map((state) => ({ ...state, oldestWaitingMs: state.oldestWaitingMs ?? null })),
      visitsWaiting,
      retention: {
        last: retention.last ?? null,
        current: retention.current?.progress ?? null,
        nextAt: retention.nextAt ?? null,
      },
      instances: { web, worker },
    },
  };
}

function describeRetention({ last, current, nextAt }: RetentionState): string {
  const ran = last === undefined ? 'has not run yet' : describeFinishedRun(last);
  const now =
    current === undefined ? [] : [`runs now, removed ${describeRemoved(current.progress?.removed ?? {})} so far`];
  const next = nextAt === undefined ? 'is not scheduled: no worker has it on' : `next run ${describeTime(nextAt)}`;
  return `retention: ${[...now, ran, next].join('; ')}`;
}
