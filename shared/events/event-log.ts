import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';
import { eventColumns, toStoredEvent, type EventRow, type StoredEvent } from './event.ts';

/** Events stay for so long: who comes back within it misses none, and they can be sent again from there. */
export const keptMs = 2 * 86_400_000;

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

/** The last event of each lane that has any. */
export async function readLaneEnds(sequelize: Sequelize): Promise<ReadonlyMap<number, number>> {
  const rows = await sequelize.query<{ lane: number; last: number | string }>(
    'select lane, max(id) as last from cWaferEvent group by lane',
    { type: QueryTypes.SELECT },
  );
  return new Map(rows.map(({ lane, last }) => [lane, Number(last)]));
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
