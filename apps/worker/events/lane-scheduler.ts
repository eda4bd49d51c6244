import type { JobsOptions, Queue } from 'bullmq';
import { QueryTypes, type Sequelize } from 'sequelize';
import { readDueLanes } from '../../../shared/events/event-log.ts';
import { jobIdOf, type EventsJob } from '../../../shared/events/queue.ts';

/** Sees to it that each endpoint with something to be sent to has its job, and each of its lanes that waits. */
interface LaneScheduler {
  schedule(): Promise<void>;
}

/** A job that ended at the moment in which it was added once more is added again after this. */
const againMs = 1000;

/** The job of a lane goes on until its event has been taken, with longer and longer pauses: one that is too old leaves it. */
const jobOptions: JobsOptions = {
  attempts: 100_000,
  backoff: { type: 'custom' },
  removeOnComplete: true,
  removeOnFail: true,
};

const firstPauseMs = 1000;
const longestPauseMs = 300_000;

/** Milliseconds until a job is tried again. The first attempt of a lane is made before it has its job; what else fails waits for MySQL alone. */
export function pauseOf(attempts: number, lane: EventsJob['lane'] | undefined): number {
  return pauseAfterAttempts(typeof lane === 'number' ? attempts + 1 : 1);
}

/** After that many attempts: twice as long each time up to five minutes, with some spread. */
function pauseAfterAttempts(attempts: number): number {
  const pauseMs = Math.min(firstPauseMs * 2 ** (attempts - 1), longestPauseMs);
  return Math.round(pauseMs * (0.8 + Math.random() * 0.4));
}

interface DueJob extends EventsJob {
  /** Another one than the last time: there is something new to do, at once. */
  readonly news: number;
}

export function createLaneScheduler(sequelize: Sequelize, queue: Queue<EventsJob>): LaneScheduler {
  const added = new Map<string, { readonly news: number; readonly at: number }>();
  return {
    async schedule() {
      const now = performance.now();
      const due = await findDue(sequelize);
      const fresh = due.filter((each) => {
        const last = added.get(jobIdOf(each));
        return last === undefined || last.news !== each.news || now - last.at >= againMs;
      });
      if (fresh.length === 0) return;
      // One that is there already stays as it is, and so does its pause.
      await queue.addBulk(
        fresh.map(({ endpoint, lane }) => ({
          name: 'send',
          data: { endpoint, lane },
          opts: { ...jobOptions, jobId: jobIdOf({ endpoint, lane }), ...pauseOfWait(lane) },
        })),
      );
      for (const each of fresh) added.set(jobIdOf(each), { news: each.news, at: now });
    },
  };
}

/** A lane that waits has just been refused. */
const pauseOfWait = (lane: EventsJob['lane']) => (typeof lane === 'number' ? { delay: pauseAfterAttempts(1) } : {});

async function findDue(sequelize: Sequelize): Promise<DueJob[]> {
  const [lanes, letters] = await Promise.all([
    readDueLanes(sequelize),
    sequelize.query<{ endpoint: string }>('select distinct endpoint from cWaferDeadLetter where again = 1', {
      type: QueryTypes.SELECT,
    }),
  ]);
  const ends = new Map<string, number>();
  for (const { endpoint, end, waitsFor } of lanes)
    if (waitsFor === undefined) ends.set(endpoint, Math.max(end, ends.get(endpoint) ?? 0));
  return [
    ...[...ends].map(([endpoint, news]) => ({ endpoint, lane: 'all' as const, news })),
    ...lanes.flatMap(({ endpoint, lane, waitsFor }) =>
      waitsFor === undefined ? [] : [{ endpoint, lane, news: waitsFor }],
    ),
    ...letters.map(({ endpoint }) => ({ endpoint, lane: 'dead' as const, news: 0 })),
  ];
}
