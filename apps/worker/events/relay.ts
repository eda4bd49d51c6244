import type { Queue } from 'bullmq';
import { QueryTypes, type Sequelize } from 'sequelize';
import type { EventDemand } from './demand.ts';
import { readOldest } from '../../../shared/events/event-log.ts';
import { holdRelay } from '../../../shared/events/relay-turn.ts';
import type { EventsJob } from '../../../shared/events/queue.ts';
import { createOutageWarning, type Log } from '../../../shared/log/log.ts';
import type { RedisClient } from '../../../shared/redis/connect.ts';
import { defineScript } from '../../../shared/redis/script.ts';
import { inTransaction } from '../../../shared/store/in-transaction.ts';
import type { WorkerMetrics } from '../metrics.ts';
import { createLaneScheduler } from './lane-scheduler.ts';
import { isAnyLeft, removeOldEvents } from './old-events.ts';

/** Takes its turn at the relay: one worker in the whole system moves events from the outbox to where they are sent from. */
interface Relay {
  close(): Promise<void>;
}

interface RelayDeps {
  readonly sequelize: Sequelize;
  readonly commands: RedisClient;
  readonly queue: Queue<EventsJob>;
  readonly demand: EventDemand;
  /** Called while somebody wants events, again and again. */
  readonly onWanted: () => void;
  /** Names this process. */
  readonly instance: string;
  readonly metrics: WorkerMetrics;
  readonly log: Log;
}

/** So soon an event is seen. */
const tickMs = 200;
/** Who has no turn, or nothing to do, looks so often. */
const idleTickMs = 1000;
/** So long after its holder's death the turn is another's. */
const turnMs = 3000;
/** While nobody wants events, what is left of before is looked for so often. */
const unwantedIntervalMs = 60_000;
const turnKey = 'wafer:events:turn';
const tidyIntervalMs = 60_000;
const figuresIntervalMs = 5000;
const rowsPerMove = 500;

/** Who has the turn keeps it; two who believe to have it do no harm, MySQL lets one at a time. */
const claimScript = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`;

export function startRelay({ sequelize, commands, queue, demand, onWanted, instance, metrics, log }: RelayDeps): Relay {
  const claim = defineScript(commands, 'waferEventsTurn', claimScript);
  const scheduler = createLaneScheduler(sequelize, queue);
  const warn = createOutageWarning(log, 'events not moved yet');
  let isStopped = false;
  let hasTurn = false;
  let tidiedAt = performance.now();
  let countedAt = Number.NEGATIVE_INFINITY;
  let lookedAt = performance.now();
  let timer: NodeJS.Timeout | undefined;

  const work = async (): Promise<boolean> => {
    const isWanted = await demand.isAny();
    if (isWanted) onWanted();
    else {
      if (performance.now() - lookedAt < unwantedIntervalMs) return false;
      lookedAt = performance.now();
      if (!(await isAnyLeft(sequelize))) return false;
    }
    hasTurn = (await claim([turnKey], [instance, String(turnMs)])) === 1;
    if (!hasTurn || !isWanted) metrics.showEventAges(new Map());
    if (!hasTurn) return false;
    // What was noted for somebody who has gone since is moved too, so that it goes with the rest.
    while (!isStopped && (await moveOutbox(sequelize)) === rowsPerMove);
    if (isWanted) await scheduler.schedule();
    if (isWanted && performance.now() - countedAt > figuresIntervalMs) {
      countedAt = performance.now();
      metrics.showEventAges(await readOldest(sequelize));
    }
    if (performance.now() - tidiedAt > tidyIntervalMs) {
      tidiedAt = performance.now();
      await removeOldEvents(sequelize);
    }
    return isWanted;
  };

  let running = Promise.resolve();
  const tick = (): void => {
    running = work()
      .catch((error: unknown) => {
        warn(error);
        return false;
      })
      .then((isBusy) => {
        if (!isStopped) timer = setTimeout(tick, isBusy ? tickMs : idleTickMs);
      });
  };
  tick();
  return {
    async close() {
      isStopped = true;
      clearTimeout(timer);
      await running;
      // So that the next one need not wait until it ends by itself.
      if (hasTurn) await claim([turnKey], [instance, '1']).catch(() => undefined);
    },
  };
}

/** @returns how many events were moved */
async function moveOutbox(sequelize: Sequelize): Promise<number> {
  const [any] = await sequelize.query('select id from cWaferOutbox limit 1', { type: QueryTypes.SELECT });
  if (any === undefined) return 0;
  return inTransaction(sequelize, async (transaction) => {
    await holdRelay(sequelize, transaction);
    // Only what is committed, and without a lock: log-ins go on adding rows.
    const found = await sequelize.query<{ id: number | string }>(
      `select id from cWaferOutbox order by id limit ${rowsPerMove}`,
      { type: QueryTypes.SELECT, transaction },
    );
    if (found.length === 0) return 0;
    const replacements = { ids: found.map(({ id }) => id) };
    const columns = 'at, event, lane, appid, open_id, session_id, details';
    await sequelize.query(
      `insert into cWaferEvent (${columns}) select ${columns} from cWaferOutbox where id in (:ids) order by id`,
      { replacements, type: QueryTypes.INSERT, transaction },
    );
    await sequelize.query('delete from cWaferOutbox where id in (:ids)', {
      replacements,
      type: QueryTypes.BULKDELETE,
      transaction,
    });
    return found.length;
  });
}
