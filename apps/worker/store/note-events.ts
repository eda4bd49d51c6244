import type { Sequelize } from 'sequelize';
import { laneSql, outboxInsert } from '../../../shared/events/outbox.ts';
import type { EventDetails } from '../../../shared/events/event.ts';
import { databaseNowMs } from '../../../shared/store/database-clock.ts';
import { isEndedSkey } from '../../../shared/store/session-ender.ts';
import { toSqlList } from './sql-literal.ts';

/** What a log-in has to tell other systems, as far as anybody wants to hear it. */
export interface LoginEvents {
  /** Whether the session took the place of one that somebody held. */
  readonly session?: 'session.created' | 'session.replaced' | undefined;
  /** Whether the user's other sessions that end with it are told. */
  readonly ends: boolean;
  readonly isProfileChanged: boolean;
}

interface InsertToNote {
  readonly id: string;
  readonly write: { readonly appid: string; readonly openId: string };
  readonly events?: LoginEvents | undefined;
}

interface RenewalToNote {
  readonly kept: { readonly row: number };
  readonly ended: readonly { readonly row: number; readonly skey: string }[];
  readonly write: { readonly skey: string; readonly fence: number };
  readonly events?: LoginEvents | undefined;
}

/** SQL that notes the events of first sessions; undefined: there are none to be told. */
export function noteInserts(sequelize: Sequelize, sessions: readonly InsertToNote[]): string | undefined {
  const rows = sessions.flatMap(({ id, write, events }) => {
    if (events?.session === undefined) return [];
    const openId = toSqlList(sequelize, [write.openId]);
    return `(${databaseNowMs},'${events.session}',${laneSql(openId)},${toSqlList(sequelize, [write.appid, write.openId, id])},null)`;
  });
  return rows.length === 0 ? undefined : `${outboxInsert} values ${rows.join(',')}`;
}

/**
 * SQL that notes the events of renewals, of those alone that are written: their rows have the skey of the log-in by now. To stand after the
 * update, in its transaction.
 */
export function noteRenewals(sequelize: Sequelize, renewals: readonly RenewalToNote[]): string[] {
  const told = renewals.filter(({ events }) => events?.session !== undefined);
  const changed = renewals.filter(({ events }) => events?.isProfileChanged === true);
  const name = (these: readonly RenewalToNote[]) => {
    const names = these.map(({ events }) => `'${events?.session}'`);
    return names.every((each) => each === names[0])
      ? (names[0] ?? '')
      : `elt(field(id,${rowsOf(these)}),${names.join(',')})`;
  };
  return [
    ...(told.length === 0 ? [] : [selectWritten(sequelize, told, name(told))]),
    ...(changed.length === 0 ? [] : [selectWritten(sequelize, changed, "'profile.changed'")]),
    ...renewals.flatMap(noteEnds),
  ];
}

const rowsOf = (renewals: readonly RenewalToNote[]): string => renewals.map(({ kept }) => kept.row).join(',');

function selectWritten(sequelize: Sequelize, renewals: readonly RenewalToNote[], event: string): string {
  const rows = rowsOf(renewals);
  const skeys = toSqlList(
    sequelize,
    renewals.map(({ write }) => write.skey),
  );
  const skey = renewals.length === 1 ? skeys : `elt(field(id,${rows}),${skeys})`;
  return `${outboxInsert} select ${databaseNowMs},${event},${laneSql('open_id')},appid,open_id,uuid,null
    from cSessionInfo where id in (${rows}) and skey = ${skey}`;
}

/** Rows that end with a log-in have its fence. */
function noteEnds({ ended, write, events }: RenewalToNote): string[] {
  const live = ended.filter(({ skey }) => !isEndedSkey(skey));
  if (events?.ends !== true || live.length === 0) return [];
  const details = JSON.stringify({ why: 'replaced' } satisfies EventDetails);
  return [
    `${outboxInsert} select ${databaseNowMs},'session.ended',${laneSql('open_id')},appid,open_id,uuid,'${details}'
     from cSessionInfo where id in (${live.map(({ row }) => row).join(',')}) and fence = ${write.fence}`,
  ];
}
