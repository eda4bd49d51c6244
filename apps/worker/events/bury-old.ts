import { QueryTypes, type Sequelize } from 'sequelize';
import type { Endpoint } from '../../../shared/events/endpoint-store.ts';
import { isWanted, type StoredEvent } from '../../../shared/events/event.ts';
import { keptMs, movePlace, readLane, readPlace } from '../../../shared/events/event-log.ts';
import { holdRelay } from '../../../shared/events/relay-turn.ts';
import { databaseNowMs } from '../../../shared/store/database-clock.ts';
import { inTransaction } from '../../../shared/store/in-transaction.ts';

/** For so long an event is tried. */
const triedMs = 86_400_000;
const eventsPerStatement = 500;

/** Whether an event is so old that it would soon be gone without ever having been sent. */
export function isTooLate({ at }: StoredEvent): boolean {
  return Date.now() - at > (triedMs + keptMs) / 2;
}

/**
 * Makes dead letters of those events of a lane, in front of all others, that are older than a day: what comes after them gets its turn.
 * @param onBuried gets how many
 */
export async function buryOld(
  sequelize: Sequelize,
  endpoint: Endpoint,
  lane: number,
  failure: string,
  onBuried: (endpoint: string, count: number) => void,
): Promise<void> {
  for (;;) {
    const from = await readPlace(sequelize, endpoint.name, lane);
    const events = from === undefined ? [] : await readLane(sequelize, lane, from, eventsPerStatement);
    const youngest = events.findIndex(({ at }) => Date.now() - at <= triedMs);
    const old = youngest === -1 ? events : events.slice(0, youngest);
    const last = old.at(-1);
    if (from === undefined || last === undefined) return;
    const ids = old.filter((event) => isWanted(endpoint, event)).map(({ id }) => id);
    const isMoved = await inTransaction(sequelize, async (transaction) => {
      // An erasure sees a letter or its event: none comes past it.
      await holdRelay(sequelize, transaction);
      const place = { endpoint: endpoint.name, lane, from, to: last.id };
      if (!(await movePlace(sequelize, place, transaction))) return false;
      if (ids.length > 0)
        await sequelize.query(
          `insert ignore into cWaferDeadLetter (endpoint, event_id, at, event, appid, open_id, session_id, details, failure, died_at)
           select :name, id, at, event, appid, open_id, session_id, details, :failure, ${databaseNowMs} from cWaferEvent
           where id in (:ids) and event <> ''`,
          {
            replacements: { name: endpoint.name, ids, failure: failure.slice(0, 100) },
            type: QueryTypes.INSERT,
            transaction,
          },
        );
      return true;
    });
    if (!isMoved) return;
    if (ids.length > 0) onBuried(endpoint.name, ids.length);
  }
}
