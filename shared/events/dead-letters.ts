import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';
import { toStoredEvent, type EventRow, type StoredEvent } from './event.ts';

/** An event that an endpoint did not take within a day, or that was skipped. */
export interface DeadLetter extends StoredEvent {
  /** Of the letter; `id` is that of the event. */
  readonly letter: number;
  readonly endpoint: string;
  readonly failure: string;
  /** Milliseconds since 1970. */
  readonly diedAt: number;
  /** It is to be sent once more, and waits for it. */
  readonly isAgain: boolean;
}

interface LetterRow extends EventRow {
  readonly letter: number | string;
  readonly endpoint: string;
  readonly failure: string;
  readonly died_at: number | string;
  readonly again: number;
}

/** So long after they died they go. */
export const keptDeadMs = 30 * 86_400_000;

/** Those of an endpoint, or all, the latest first. */
export async function readDeadLetters(
  sequelize: Sequelize,
  {
    endpoint,
    before,
    limit,
    onlyAgain = false,
  }: {
    readonly endpoint?: string | undefined;
    /** Letters before this one. */
    readonly before?: number | undefined;
    readonly limit: number;
    /** Only those that are to be sent once more; the oldest event first. */
    readonly onlyAgain?: boolean;
  },
): Promise<DeadLetter[]> {
  const conditions = [
    ...(endpoint === undefined ? [] : ['endpoint = :endpoint']),
    ...(before === undefined ? [] : ['id < :before']),
    ...(onlyAgain ? ['again = 1'] : []),
  ];
  const rows = await sequelize.query<LetterRow>(
    `select id as letter, event_id as id, endpoint, at, event, appid, open_id, session_id, details, failure, died_at, again
     from cWaferDeadLetter ${conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`}
     order by ${onlyAgain ? 'event_id' : 'cWaferDeadLetter.id desc'} limit :limit`,
    { replacements: { endpoint, before, limit }, type: QueryTypes.SELECT },
  );
  return rows.map((row) => ({
    ...toStoredEvent(row),
    letter: Number(row.letter),
    endpoint: row.endpoint,
    failure: row.failure,
    diedAt: Number(row.died_at),
    isAgain: row.again !== 0,
  }));
}

export async function countDeadLetters(sequelize: Sequelize): Promise<ReadonlyMap<string, number>> {
  const rows = await sequelize.query<{ endpoint: string; count: number }>(
    'select endpoint, count(*) as count from cWaferDeadLetter group by endpoint',
    { type: QueryTypes.SELECT },
  );
  return new Map(rows.map(({ endpoint, count }) => [endpoint, count]));
}

/** Has letters sent once more. @returns how many */
export async function sendAgain(
  sequelize: Sequelize,
  which: { readonly letter: number } | { readonly endpoint: string },
  transaction: Transaction,
): Promise<number> {
  const condition = 'letter' in which ? 'id = :letter' : 'endpoint = :endpoint';
  const [, changed] = await sequelize.query(`update cWaferDeadLetter set again = 1 where ${condition} and again = 0`, {
    replacements: which,
    type: QueryTypes.UPDATE,
    transaction,
  });
  return changed;
}
