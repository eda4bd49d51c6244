import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';
import { againAfterDeadlock } from '../store/in-transaction.ts';
import { eventColumns, toStoredEvent, type EventRow, type StoredEvent } from './event.ts';
import { isWaiting } from './waiting.ts';

/** Events stay for so long: who comes back within it misses none, and they can be sent again from there. */
export const keptMs = 2 * 86_400_000;

/** Who reads the stream of them and comes back within this has missed none. */
export const streamKeptMs = 15 * 60_000;

/** The next events of a lane, in their order. */
export async function readLane(
  sequelize: Sequelize,
  lane: number,
  after: number,
  limit: number,
): Promise<StoredEvent[]> {
  const rows = await sequelize.query<EventRow>(
    `select ${eventColumns} from cWaferEvent where lane = :lane and id > :after order by id limit :limit`,
    { replacements: { lane, after, limit }, type: QueryTypes.SELECT },
  );
  return rows.map(toStoredEvent);
}

/** The next events of all. */
export async function readEventsAfter(sequelize: Sequelize, after: number, limit: number): Promise<StoredEvent[]> {
  const rows = await sequelize.query<EventRow>(
    `select ${eventColumns} from cWaferEvent where id > :after order by id limit :limit`,
    { replacements: { after, limit }, type: QueryTypes.SELECT },
  );
  return rows.map(toStoredEvent);
}

/** The ids of the first and the last event that are kept; 0 for both: there are none. */
export async function readEventBounds(
  sequelize: Sequelize,
): Promise<{ readonly first: number; readonly last: number }> {
  const [row] = await sequelize.query<{ first: number | string; last: number | string }>(
    'select coalesce(min(id), 0) as first, coalesce(max(id), 0) as last from cWaferEvent',
    { type: QueryTypes.SELECT },
  );
  return { first: Number(row?.first), last: Number(row?.last) };
}

/** A lane of an endpoint in which something is still to be sent. */
export interface DueLane {
  readonly endpoint: string;
  readonly lane: number;
  /** How far it has come: the id of the last event that is done. */
  readonly after: number;
  /** The last event of the lane. */
  readonly end: number;
  /** The event that is tried again, those after it wait for it; undefined: none has been refused. */
  readonly waitsFor: number | undefined;
}

/** Of the endpoints that are on, or of one whether it is on or not. */
export async function readDueLanes(sequelize: Sequelize, endpoint?: string): Promise<DueLane[]> {
  // In this order: the ends of all lanes are found at the ends of an index, and none is looked for by reading its lane.
  const rows = await sequelize.query<{
    endpoint: string;
    lane: number;
    after_id: number | string;
    last: number | string;
    waits_for: number | string | null;
  }>(
    `select l.endpoint, l.lane, l.after_id, e.last, if(${isWaiting('l')}, l.waits_for, null) as waits_for
     from (select lane, max(id) as last from cWaferEvent group by lane) e
       straight_join cWaferEndpointLane l on l.lane = e.lane and l.after_id < e.last
       ${endpoint === undefined ? 'join cWaferEndpoint p on p.name = l.endpoint and p.enabled = 1' : 'where l.endpoint = :endpoint'}`,
    { replacements: { endpoint }, type: QueryTypes.SELECT },
  );
  return rows.map((row) => ({
    endpoint: row.endpoint,
    lane: row.lane,
    after: Number(row.after_id),
    end: Number(row.last),
    waitsFor: row.waits_for === null ? undefined : Number(row.waits_for),
  }));
}

/** An event, and the lane that it is in. */
export interface LaneEvent extends StoredEvent {
  readonly lane: number;
}

/**
 * The next events of several lanes, those of each lane in their order. The lanes are mostly about as far as each other: then one statement
 * finds them all, however many lanes there are.
 * @param limit events of each lane
 */
export async function readLanes(
  sequelize: Sequelize,
  lanes: readonly Pick<DueLane, 'lane' | 'after'>[],
  limit: number,
): Promise<LaneEvent[]> {
  if (lanes.length === 0) return [];
  const windowSize = limit * lanes.length;
  const rows = await sequelize.query<EventRow & { readonly lane: number }>(
    `select lane, ${eventColumns} from cWaferEvent where id > :after order by id limit :windowSize`,
    { replacements: { after: Math.min(...lanes.map(({ after }) => after)), windowSize }, type: QueryTypes.SELECT },
  );
  const events = rows.map((row) => ({ ...toStoredEvent(row), lane: row.lane }));
  const byLane = new Map(lanes.map((each) => [each.lane, { ...each, events: [] as LaneEvent[] }]));
  for (const event of events) {
    const own = byLane.get(event.lane);
    if (own !== undefined && event.id > own.after && own.events.length < limit) own.events.push(event);
  }
  const found = [...byLane.values()];
  // Where a lane is far behind, the next ones of others are beyond what was read from there.
  const beyond = rows.length < windowSize ? [] : found.filter((own) => own.events.length === 0);
  const read = await Promise.all(
    beyond.map(async ({ lane, after }) =>
      (await readLane(sequelize, lane, after, limit)).map((event) => ({ ...event, lane })),
    ),
  );
  return [...found.flatMap((own) => own.events), ...read.flat()];
}

/** How far an endpoint has come in a lane. @returns undefined if it has been removed */
export async function readPlace(sequelize: Sequelize, endpoint: string, lane: number): Promise<number | undefined> {
  const [row] = await sequelize.query<{ after_id: number | string }>(
    'select after_id from cWaferEndpointLane where endpoint = :endpoint and lane = :lane',
    { replacements: { endpoint, lane }, type: QueryTypes.SELECT },
  );
  return row === undefined ? undefined : Number(row.after_id);
}

/** @returns false if somebody has moved it meanwhile, as to send all once more */
export async function movePlace(
  sequelize: Sequelize,
  place: { readonly endpoint: string; readonly lane: number; readonly from: number; readonly to: number },
  transaction?: Transaction,
): Promise<boolean> {
  const [, moved] = await sequelize.query(
    'update cWaferEndpointLane set after_id = :to where endpoint = :endpoint and lane = :lane and after_id = :from',
    { replacements: { ...place }, type: QueryTypes.UPDATE, ...(transaction === undefined ? {} : { transaction }) },
  );
  return moved === 1;
}

/** The same for several lanes of an endpoint, in one statement. Those that somebody has moved meanwhile stay where they are. */
export async function movePlaces(
  sequelize: Sequelize,
  endpoint: string,
  places: readonly { readonly lane: number; readonly from: number; readonly to: number }[],
): Promise<void> {
  if (places.length === 0) return;
  const cases = places.map(({ lane, to }) => `when ${lane} then ${to}`);
  await againAfterDeadlock(() =>
    sequelize.query(
      `update cWaferEndpointLane set after_id = case lane ${cases.join(' ')} end
       where endpoint = :endpoint and lane in (:lanes) and (lane, after_id) in (:places)`,
      {
        replacements: {
          endpoint,
          lanes: places.map(({ lane }) => lane),
          places: places.map(({ lane, from }) => [lane, from]),
        },
        type: QueryTypes.UPDATE,
      },
    ),
  );
}

/** How old, in seconds, the oldest event is that each endpoint has still to get; 0: it has all. */
export async function readOldest(sequelize: Sequelize): Promise<ReadonlyMap<string, number>> {
  const rows = await sequelize.query<{ endpoint: string; oldest: number | string | null }>(
    `select p.name as endpoint,
       (select min(e.at) from cWaferEndpointLane l join cWaferEvent e on e.id =
          (select min(x.id) from cWaferEvent x where x.lane = l.lane and x.id > l.after_id)
        where l.endpoint = p.name) as oldest
     from cWaferEndpoint p where p.enabled = 1`,
    { type: QueryTypes.SELECT },
  );
  const now = Date.now();
  return new Map(
    rows.map(({ endpoint, oldest }) => [endpoint, oldest === null ? 0 : Math.max(0, now - Number(oldest)) / 1000]),
  );
}
