import { Option, type Command } from 'commander';
import { describeFinishedRun, describeRemoved, describeTime } from '../../../shared/administration/describe-run.ts';
import { readQueueOverview, type QueueOverview } from '../../../shared/administration/queue-state.ts';
import { readSettings } from '../../../shared/administration/settings.ts';
import { withRedis } from '../../../shared/administration/stores.ts';
import { plural } from '../../../shared/administration/words.ts';
import { toPlainText } from '../../../shared/log/plain-text.ts';
import type { QueueName } from '../../../shared/rpc/contract.ts';
import type { RetentionState } from '../../../shared/retention/queue.ts';
import { createByOption, findActor, type ByOption } from '../actor.ts';
import { tellWait } from '../progress.ts';
import { drainQueues, retryFailed, type JobCounts } from '../queue-work.ts';
import { addCommand, type CommandContext, type CommandResult } from '../result.ts';
import { formatTable } from '../text.ts';
import { tryRecordAudit } from '../try-record-audit.ts';

interface QueueOptions extends ByOption {
  readonly queue?: QueueName;
  readonly dryRun?: true;
}

const createQueueOption = (): Option =>
  new Option('--queue <name>', 'that of log-ins, or that of everything else; default: both').choices([
    'login',
    'session',
  ]);

/** `queue show | drain | retry`: what waits for workers, who is there, and what becomes of jobs. */
export function addQueueCommands(program: Command, { env, streams, report }: CommandContext): void {
  const queue = program.command('queue').description('the queues between front ends and workers');
  addCommand(queue, 'show', 'shows what waits in each queue, visits on their way to MySQL, and live processes', [
    'npx wafer queue show',
    'LOGIN_QUEUES=3 npx wafer queue show --json',
  ])
    .alias('stats')
    .action(async () => {
      const { queues } = readSettings(env, 'redis').login;
      report(describe(await withRedis(env, (redis) => readQueueOverview(redis, queues))));
    });

  addCommand(queue, 'drain', 'removes the jobs that wait: whoever asked gets no answer, and tries again', [
    'npx wafer queue drain --dry-run',
    'npx wafer queue drain --queue login --by "ticket 4711"',
  ])
    .addOption(createQueueOption())
    .option('--dry-run', 'only count them; changes nothing')
    .addOption(createByOption())
    .action(async ({ queue: name, dryRun: asked, ...options }: QueueOptions) => {
      const dryRun = asked === true;
      const chosen = { queue: name, loginQueues: readSettings(env, 'redis').login.queues };
      const jobs = await tellWait(streams.stderr, dryRun ? 'Counting jobs' : 'Removing jobs', () =>
        withRedis(env, (redis) => drainQueues(redis, chosen, dryRun)),
      );
      const entry = { actor: findActor(options), action: 'queue drain', details: jobs };
      report(
        describeJobs(jobs, dryRun ? 'would go' : 'removed', dryRun ? undefined : await tryRecordAudit(env, entry)),
      );
    });

  addCommand(queue, 'retry', 'gives failed jobs to the workers again; there are none as a rule', [
    'npx wafer queue retry',
    'npx wafer queue retry --queue session',
  ])
    .addOption(createQueueOption())
    .addOption(createByOption())
    .action(async ({ queue: name, ...options }: QueueOptions) => {
      const chosen = { queue: name, loginQueues: readSettings(env, 'redis').login.queues };
      const jobs = await tellWait(streams.stderr, 'Giving failed jobs to the workers', () =>
        withRedis(env, (redis) => retryFailed(redis, chosen)),
      );
      const entry = { actor: findActor(options), action: 'queue retry', details: jobs };
      report(describeJobs(jobs, 'wait again', await tryRecordAudit(env, entry)));
    });
}

function describeJobs(jobs: JobCounts, what: string, unrecorded: string | undefined): CommandResult {
  return {
    text: [
      ...Object.entries(jobs).map(([name, count]) => `${name}: ${plural(count, 'job')} ${what}`),
      ...(unrecorded === undefined ? [] : [unrecorded]),
    ].join('\n'),
    json: { jobs, isRecorded: unrecorded === undefined },
  };
}

function describe({ queues, visitsWaiting, retention, web, worker }: QueueOverview): CommandResult {
  const rows = queues.map(({ queue, shard, waiting, active, delayed, failed, oldestWaitingMs }) => [
    `${queue} ${shard}`,
    ...[waiting, active, delayed, failed].map(String),
    oldestWaitingMs === undefined ? '' : `${(oldestWaitingMs / 1000).toFixed(1)} s`,
  ]);
  const list = (role: string, names: readonly string[]) => [
    plural(names.length, role),
    ...names.map((name) => `  ${toPlainText(name)}`),
  ];
  return {
    text: [
      formatTable([['QUEUE', 'WAITING', 'ACTIVE', 'DELAYED', 'FAILED', 'OLDEST WAITING'], ...rows]),
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
