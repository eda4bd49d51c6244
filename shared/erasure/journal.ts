import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';
import { againAfterDeadlock } from '../store/in-transaction.ts';
import { erasedUserOf, type AppUser } from '../rpc/ledger-keys.ts';
import type { Seal } from '../rpc/seal.ts';
import type { Erasure } from './order.ts';

/** An erasure that is not finished. */
export interface PendingErasure {
  /** Its row in cWaferErasure. */
  readonly key: string;
  readonly erasure: Erasure;
}

/** A row that is nobody's, and that these lock: a first log-in while it is written, and an erasure while it notes whose earlier log-ins are refused. */
const turnstile = '';
/** SQL for now in UTC+8, as in every column of this database. */
const now = 'utc_timestamp() + interval 8 hour';
/** A log-in that was made before an erasure is over within a minute. */
const rememberedHours = 24;
const maxPerDelete = 1000;

/**
 * SQL for the fence of a new row. It is null, which the column does not take, if one of these users was erased after the earliest of their
 * log-ins was made. It reads with a lock, so that this stays true until the row is committed. The turnstile is locked first, so that an erasure
 * gets its turn between log-ins.
 * @param users fingerprints, which need no escaping
 */
export function fenceUnlessErased(users: readonly string[], earliestFence: number, fence: number): string {
  const persons = [turnstile, ...users].map((person) => `'${person}'`).join(',');
  return `if((select max(erased_before) from cWaferErasure where person in (${persons})) >= ${earliestFence}, null, ${fence})`;
}

/** Whether a user was erased after a log-in was made. */
export async function isErased(sequelize: Sequelize, user: string, fence: number): Promise<boolean> {
  const rows = await sequelize.query('select 1 from cWaferErasure where person = :user and erased_before >= :fence', {
    replacements: { user, fence },
    type: QueryTypes.SELECT,
  });
  return rows.length > 0;
}

/** Drops notes of users who were erased more than a day ago: no log-in of before is on its way any more. */
export async function tidyJournal(sequelize: Sequelize): Promise<void> {
  await endFuture(sequelize);
  const isOver = `person <> '${turnstile}' and todo is null and at < ${now} - interval ${rememberedHours} hour`;
  for (;;) {
    // Found by a read without locks: a delete that looks for them would lock the row that log-ins wait for.
    const old = await sequelize.query<{ person: string }>(
      `select person from cWaferErasure where ${isOver} limit ${maxPerDelete}`,
      { type: QueryTypes.SELECT },
    );
    if (old.length === 0) return;
    const replacements = { people: old.map(({ person }) => person) };
    await againAfterDeadlock(() =>
      sequelize.query(`delete from cWaferErasure where person in (:people) and ${isOver}`, {
        replacements,
        type: QueryTypes.BULKDELETE,
      }),
    );
  }
}

/**
 * What lies further ahead than any wait is of a clock of MySQL that was ahead: the note would stay, and what is to be done wait, for so much
 * longer.
 */
async function endFuture(sequelize: Sequelize): Promise<void> {
  const isFuture = `person <> '${turnstile}' and at > ${now} + interval ${2 * longestWaitSeconds} second`;
  const found = await sequelize.query<{ person: string }>(`select person from cWaferErasure where ${isFuture}`, {
    type: QueryTypes.SELECT,
  });
  if (found.length === 0) return;
  await againAfterDeadlock(() =>
    sequelize.query(`update cWaferErasure set at = ${now} where person in (:people) and ${isFuture}`, {
      replacements: { people: found.map(({ person }) => person) },
      type: QueryTypes.UPDATE,
    }),
  );
}

/**
 * From now on no log-in that was made before writes a row of these users. One statement, and a transaction of its own: log-ins wait no longer
 * than for that. It takes the turnstile first.
 */
export async function refuseEarlierLogins(
  sequelize: Sequelize,
  seal: Seal,
  { users, orderedAtUs }: Erasure,
): Promise<void> {
  const people = users.map((user) => erasedUserOf(seal, user)).sort();
  const values = people.map((_, index) => `, (:person${index}, :orderedAtUs, ${now})`);
  await againAfterDeadlock(() =>
    sequelize.query(
      `insert into cWaferErasure (person, erased_before, at) values ('${turnstile}', 0, ${now})${values.join('')}
       on duplicate key update at = ${now},
         erased_before = if(person = '${turnstile}', 0, greatest(erased_before, :orderedAtUs))`,
      {
        replacements: {
          orderedAtUs,
          ...Object.fromEntries(people.map((person, index) => [`person${index}`, person])),
        },
        type: QueryTypes.INSERT,
      },
    ),
  );
}

/**
 * Makes the entry if there is none, and locks it. To look for it first would lock a gap, in which many erasures at once then wait for each
 * other.
 */
export async function claimPending(sequelize: Sequelize, key: string, transaction: Transaction): Promise<void> {
  await sequelize.query(
    `insert into cWaferErasure (person, erased_before, at) values (:key, 0, ${now}) on duplicate key update at = ${now}`,
    { replacements: { key }, type: QueryTypes.INSERT, transaction },
  );
}

/** @param transaction also of what the entry says is done, so that neither is without the other */
export async function savePending(
  sequelize: Sequelize,
  seal: Seal,
  { key, erasure }: PendingErasure,
  transaction: Transaction,
): Promise<void> {
  const todo = seal.seal(purposeOf(key), JSON.stringify(erasure));
  await sequelize.query(
    `insert into cWaferErasure (person, erased_before, todo, at) values (:key, 0, :todo, ${now})
     on duplicate key update todo = :todo, at = ${now}`,
    { replacements: { key, todo }, type: QueryTypes.INSERT, transaction },
  );
}

/** Locks it as well. */
export async function findPending(
  sequelize: Sequelize,
  seal: Seal,
  key: string,
  transaction: Transaction,
): Promise<Erasure | undefined> {
  const [row] = await sequelize.query<{ todo: string | null }>(
    'select todo from cWaferErasure where person = :key for update',
    { replacements: { key }, type: QueryTypes.SELECT, transaction },
  );
  return row?.todo ? openTodo(seal, key, row.todo) : undefined;
}

/** Erasures that nobody has worked on for so long, oldest first. */
export async function listPending(
  sequelize: Sequelize,
  seal: Seal,
  { idleSeconds, limit }: { readonly idleSeconds: number; readonly limit: number },
): Promise<PendingErasure[]> {
  const rows = await sequelize.query<{ person: string; todo: string }>(
    `select person, todo from cWaferErasure
     where todo is not null and todo not like '${lookMark}%' and at <= ${now} - interval :idleSeconds second
     order by at limit :limit`,
    { replacements: { idleSeconds, limit }, type: QueryTypes.SELECT },
  );
  return rows.flatMap(({ person: key, todo }) => {
    const erasure = openTodo(seal, key, todo);
    return erasure === undefined ? [] : [{ key, erasure }];
  });
}

/** Seconds that an erasure waits when it has failed for the first time; twice as long each time after that. */
const firstWaitSeconds = 10;
const longestWaitSeconds = 3600;

/** It has failed: it waits, each time longer. */
export async function postponePending(sequelize: Sequelize, seal: Seal, key: string): Promise<void> {
  await sequelize.transaction(async (transaction) => {
    const present = await findPending(sequelize, seal, key, transaction);
    if (present === undefined) return;
    const failures = (present.failures ?? 0) + 1;
    const waitSeconds = Math.min(firstWaitSeconds * 2 ** (failures - 1), longestWaitSeconds);
    const todo = seal.seal(purposeOf(key), JSON.stringify({ ...present, failures }));
    await sequelize.query(
      `update cWaferErasure set todo = :todo, at = ${now} + interval :waitSeconds second where person = :key`,
      { replacements: { key, todo, waitSeconds }, type: QueryTypes.UPDATE, transaction },
    );
  });
}

/** It is done, unless there is more to do by now. */
export async function removePending(sequelize: Sequelize, seal: Seal, done: PendingErasure): Promise<void> {
  await sequelize.transaction(async (transaction) => {
    const present = await findPending(sequelize, seal, done.key, transaction);
    if (present === undefined || JSON.stringify(present) !== JSON.stringify(done.erasure)) return;
    await sequelize.query('delete from cWaferErasure where person = :key', {
      replacements: { key: done.key },
      type: QueryTypes.BULKDELETE,
      transaction,
    });
  });
}

const openTodo = (seal: Seal, key: string, todo: string) => open<Erasure>(seal, purposeOf(key), todo);

/** @returns undefined if it is not ours: sealed by a key that is gone, or of another version */
function open<Value>(seal: Seal, purpose: string, sealed: string): Value | undefined {
  try {
    return JSON.parse(seal.open(purpose, sealed)) as Value;
  } catch {
    return undefined;
  }
}

const purposeOf = (key: string) => `erasure ${key}`;

/** A log-in that has been written, of which nobody could see whether somebody had ordered its user's erasure meanwhile. */
export interface UncheckedLogin {
  readonly user: AppUser;
  readonly fence: number;
  readonly profileFence: number;
}

/** In the place of what an erasure has to do. */
const lookMark = 'look ';
const lookPurposeOf = (key: string) => `look for orders ${key}`;

/** Has a worker look when it can. */
export async function noteUnchecked(sequelize: Sequelize, seal: Seal, login: UncheckedLogin): Promise<void> {
  const { appid, openId } = login.user;
  const key = seal.fingerprint('unchecked log-in', appid, openId, String(login.fence));
  const todo = `${lookMark}${seal.seal(lookPurposeOf(key), JSON.stringify(login))}`;
  await againAfterDeadlock(() =>
    sequelize.query(
      `insert into cWaferErasure (person, erased_before, todo, at) values (:key, 0, :todo, ${now})
       on duplicate key update todo = :todo, at = ${now}`,
      { replacements: { key, todo }, type: QueryTypes.INSERT },
    ),
  );
}

/** The oldest ones, and how each is ticked off. */
export async function listUnchecked(
  sequelize: Sequelize,
  seal: Seal,
  limit: number,
): Promise<{ readonly login: UncheckedLogin | undefined; remove(): Promise<void> }[]> {
  const rows = await sequelize.query<{ person: string; todo: string }>(
    `select person, todo from cWaferErasure where todo like '${lookMark}%' order by at limit :limit`,
    { replacements: { limit }, type: QueryTypes.SELECT },
  );
  return rows.map(({ person, todo }) => ({
    login: open<UncheckedLogin>(seal, lookPurposeOf(person), todo.slice(lookMark.length)),
    async remove() {
      await againAfterDeadlock(() =>
        sequelize.query('delete from cWaferErasure where person = :person and todo = :todo', {
          replacements: { person, todo },
          type: QueryTypes.BULKDELETE,
        }),
      );
    },
  }));
}
