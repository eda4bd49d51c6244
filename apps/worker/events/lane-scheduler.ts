import type { JobsOptions, Queue } from 'bullmq';
import { QueryTypes, type Sequelize } from 'sequelize';
import { readLaneEnds } from '../../../shared/events/event-log.ts';
import { jobIdOf, type EventsJob } from '../../../shared/events/queue.ts';

/** Sees to it that each lane with something to send has its job. */
interface LaneScheduler {
  schedule(): Promise<void>;
}

/** A job that ended at the moment in which it was added once more is added again after this. */
const againMs = 1000;

/** A job goes on until its lane has been sent, with longer and longer pauses: an event that is too old leaves it. */
const jobOptions: JobsOptions = {
  attempts: 100_000,
  backoff: { type: 'custom' },
  removeOnComplete: true,
  removeOnFail: true,
};

const firstPauseMs = 1000;
const longestPauseMs = 300_000;

/** Milliseconds after that many attempts: twice as long each time up to five minutes, with some spread. */
export function pauseAfterAttempts(attempts: number): number {
  const pauseMs = Math.min(firstPauseMs * 2 ** (attempts - 1), longestPauseMs);
  return Math.round(pauseMs * (0.8 + Math.random() * 0.4));
}

interface DueLane {
  readonly endpoint: string;
  readonly lane: number | 'dead';
  /** The last event of the lane. */
  readonly end: number;
}

export function createLaneScheduler(sequelize: Sequelize, queue: Queue<EventsJob>): LaneScheduler {
  const added = new Map<string, { readonly end: number; readonly at: number }>();
  return {
    async schedule() {
      const now = performance.now();
      const due = await findDue(sequelize);
      const fresh = due.filter((each) => {
        const last = added.get(jobIdOf(each));
        return last === undefined || last.end !== each.end || now - last.at >= againMs;
      });
      if (fresh.length === 0) return;
      // One that is there already stays as it is, and so does its pause.
      await queue.addBulk(
        fresh.map(({ endpoint, lane }) => ({
          name: 'send',
          data: { endpoint, lane },
          opts: { ...jobOptions, jobId: jobIdOf({ endpoint, lane }) },
        })),
      );
      for (const each of fresh) added.set(jobIdOf(each), { end: each.end, at: now });
    },
  };
}

async function findDue(sequelize: Sequelize): Promise<DueLane[]> {
  const [ends, places, letters] = await Promise.all([
    readLaneEnds(sequelize),
    sequelize.query<{ endpoint: string; lane: number; after_id: number | string }>(
      `select l.endpoint, l.lane, l.after_id from cWaferEndpointLane l join cWaferEndpoint e on e.name = l.endpoint
       where e.enabled = 1`,
      { type: QueryTypes.SELECT },
    ),
    sequelize.query<{ endpoint: string }>('select distinct endpoint from cWaferDeadLetter where again = 1', {
      type: QueryTypes.SELECT,
    }),
  ]);
  return [
    ...places.flatMap(({ endpoint, lane, after_id }) => {
      const end = ends.get(lane) ?? 0;
      return end > Number(after_id) ? [{ endpoint, lane, end }] : [];
    }),
    ...letters.map(({ endpoint }) => ({ endpoint, lane: 'dead' as const, end: 0 })),
  ];
}
