import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';
import type { EndReason } from '../session/ended-skeys.ts';
import { databaseNowMs } from '../store/database-clock.ts';
import type { EventDetails, EventName } from './event.ts';

/** What is to be told. Its user, if it has one, is of the app; without an app it is about all of them. */
export interface NewEvent {
  readonly event: EventName;
  readonly appid?: string | undefined;
  readonly openId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly details?: EventDetails;
}

/** Events of one user are in one lane, and are sent one after another. */
export const laneCount = 32;

/** SQL. @param subject whose events keep their order: an open_id, or what there is instead */
export const laneSql = (subject: string): string => `crc32(${subject}) % ${laneCount}`;

/** What a row of the outbox is made of; `id` counts. */
export const outboxInsert = 'insert into cWaferOutbox (at, event, lane, appid, open_id, session_id, details)';

/** SQL: whether an endpoint or a stream wants events, for those who do not remember it. */
const anybodyListens = `(exists (select 1 from cWaferEndpoint where enabled = 1)
  or exists (select 1 from cWaferEventDemand where what = 'stream' and wanted_until > ${databaseNowMs}))`;

/**
 * Notes what is to be told, if anybody wants to hear of anything.
 * @param transaction of what it tells of, so that neither is without the other
 */
export async function announce(
  sequelize: Sequelize,
  events: readonly NewEvent[],
  transaction?: Transaction,
): Promise<void> {
  for (const { event, appid, openId, sessionId, details } of events) {
    await sequelize.query(
      `${outboxInsert} select ${databaseNowMs}, :event, ${laneSql("coalesce(:openId, :appid, '')")}, :appid, :openId, :sessionId, :details
       from dual where ${anybodyListens}`,
      {
        replacements: {
          event,
          appid: appid ?? null,
          openId: openId ?? null,
          sessionId: sessionId ?? null,
          details: details === undefined ? null : JSON.stringify(details),
        },
        type: QueryTypes.INSERT,
        ...(transaction === undefined ? {} : { transaction }),
      },
    );
  }
}

/** All sessions of an app that log-ins have made before; without an app: of every app. @param beforeUs microseconds since 1970 */
export function revokedEvent(appid: string | undefined, beforeUs: number): NewEvent {
  return { event: 'session.ended', appid, details: { why: 'revoked', loggedInBefore: Math.floor(beforeUs / 1000) } };
}

/**
 * Notes that these sessions end, as far as they have not ended yet. To stand before they do: it locks their rows.
 * @param defaultAppid to whom rows without an app belong
 * @param skey only of rows that have it still
 */
export async function announceEnds(
  sequelize: Sequelize,
  rows: readonly number[],
  why: EndReason,
  defaultAppid: string | undefined,
  { transaction, skey }: { readonly transaction: Transaction; readonly skey?: string },
): Promise<void> {
  if (rows.length === 0) return;
  await sequelize.query(
    `${outboxInsert} select ${databaseNowMs}, 'session.ended', ${laneSql('open_id')}, coalesce(nullif(appid, ''), :defaultAppid), open_id, uuid, :details
     from cSessionInfo where id in (:rows) and char_length(skey) <> 64
       ${skey === undefined ? '' : 'and skey = :skey'} and ${anybodyListens} order by id for update`,
    {
      replacements: {
        rows: [...rows],
        ...(skey !== undefined && { skey }),
        defaultAppid: defaultAppid ?? null,
        details: JSON.stringify({ why } satisfies EventDetails),
      },
      type: QueryTypes.INSERT,
      transaction,
    },
  );
}
