import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';
import { databaseNowMs } from '../store/database-clock.ts';
import { eventColumns, toStoredEvent, type EventRow, type StoredEvent } from './event.ts';

/** An event that an endpoint has not taken so far: those after it in its lane wait for it. */
export interface WaitingEvent extends StoredEvent {
  readonly endpoint: string;
  /** When it was refused first, milliseconds since 1970. */
  readonly since: number;
  /** What was answered the last time. */
  readonly failure: string;
}

interface WaitingRow extends EventRow {
  readonly endpoint: string;
  readonly waiting_since: number | string;
  readonly failure: string;
}

/** SQL: rows of cWaferEndpointLane that wait. One that has come further since is left as it is. */
export const isWaiting = (table: string): string => `${table}.waits_for > ${table}.after_id`;

/** Those of the endpoints that are on; who waits longest is first. */
export async function readWaiting(sequelize: Sequelize): Promise<WaitingEvent[]> {
  const columns = eventColumns.split(', ').map((column) => `e.${column}`);
  const rows = await sequelize.query<WaitingRow>(
    `select l.endpoint, l.waiting_since, l.failure, ${columns.join(', ')}
     from cWaferEndpointLane l join cWaferEndpoint p on p.name = l.endpoint and p.enabled = 1
       join cWaferEvent e on e.id = l.waits_for and e.event <> ''
     where ${isWaiting('l')} order by l.waiting_since, e.id`,
    { type: QueryTypes.SELECT },
  );
  return rows.map((row) => ({
    ...toStoredEvent(row),
    endpoint: row.endpoint,
    since: Number(row.waiting_since),
    failure: row.failure,
  }));
}

/** Where a lane is that waits, and for which event. @returns undefined if it does not wait */
export async function readWait(
  sequelize: Sequelize,
  endpoint: string,
  lane: number,
): Promise<{ readonly after: number; readonly waitsFor: number } | undefined> {
  const [row] = await sequelize.query<{ after_id: number | string; waits_for: number | string }>(
    `select after_id, waits_for from cWaferEndpointLane where endpoint = :endpoint and lane = :lane
     and ${isWaiting('cWaferEndpointLane')}`,
    { replacements: { endpoint, lane }, type: QueryTypes.SELECT },
  );
  return row === undefined ? undefined : { after: Number(row.after_id), waitsFor: Number(row.waits_for) };
}

/** @param lane.after how far the lane has come: if it has been moved meanwhile, nothing is noted */
export async function noteWaiting(
  sequelize: Sequelize,
  lane: {
    readonly endpoint: string;
    readonly lane: number;
    readonly after: number;
    readonly id: number;
    readonly failure: string;
  },
): Promise<void> {
  // Assignments take effect from left to right.
  await sequelize.query(
    `update cWaferEndpointLane set waiting_since = if(waits_for <=> :id, waiting_since, :now), waits_for = :id, failure = :failure
     where endpoint = :endpoint and lane = :lane and after_id = :after`,
    {
      replacements: { ...lane, failure: lane.failure.slice(0, 100), now: Date.now() },
      type: QueryTypes.UPDATE,
    },
  );
}

/**
 * Makes dead letters of events that lanes of an endpoint wait for: those after them get their turn.
 * @param which.sequence the id of one event; left out: all of them
 * @returns how many lanes go on
 */
export async function skipWaiting(
  sequelize: Sequelize,
  which: { readonly endpoint: string; readonly sequence?: number | undefined },
  transaction: Transaction,
): Promise<number> {
  const { endpoint, sequence } = which;
  const condition = `endpoint = :endpoint and ${isWaiting('cWaferEndpointLane')}${sequence === undefined ? '' : ' and waits_for = :sequence'}`;
  const replacements = { endpoint, sequence };
  const lanes = await sequelize.query<{ waits_for: number | string }>(
    `select waits_for from cWaferEndpointLane where ${condition} for update`,
    { replacements, type: QueryTypes.SELECT, transaction },
  );
  if (lanes.length === 0) return 0;
  await sequelize.query(
    `insert ignore into cWaferDeadLetter (endpoint, event_id, at, event, appid, open_id, session_id, details, failure, died_at)
     select l.endpoint, e.id, e.at, e.event, e.appid, e.open_id, e.session_id, e.details, l.failure, ${databaseNowMs}
     from (select endpoint, waits_for, failure from cWaferEndpointLane where ${condition}) l
       join cWaferEvent e on e.id = l.waits_for and e.event <> ''`,
    { replacements, type: QueryTypes.INSERT, transaction },
  );
  await sequelize.query(`update cWaferEndpointLane set after_id = waits_for where ${condition}`, {
    replacements,
    type: QueryTypes.UPDATE,
    transaction,
  });
  return lanes.length;
}
