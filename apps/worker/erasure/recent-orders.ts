import { QueryTypes } from 'sequelize';
import { findNamingEntries } from '../../../shared/erasure/audit-redaction.ts';
import { tellToForget } from '../../../shared/erasure/forget-order.ts';
import {
  firstTraces,
  withRows,
  type ErasureOrder,
  type ErasurePart,
  type Traces,
} from '../../../shared/erasure/order.ts';
import { findPersonRows } from '../../../shared/erasure/person.ts';
import type { ErasureStores } from '../../../shared/erasure/stores.ts';
import { sweepRedis } from '../../../shared/erasure/sweep-redis.ts';
import { readRedisTime } from '../../../shared/redis/clock.ts';
import { createKeyReader } from '../../../shared/redis/key-reader.ts';
import { erasedUserOf, erasurePurpose, type AppUser } from '../../../shared/rpc/ledger-keys.ts';
import { toApps } from '../../../shared/session/app-settings.ts';
import { readApps } from '../../../shared/store/app-reader.ts';
import { codeRememberedMs } from '../code-times.ts';

/** An order about one user of one app, as callers give them. */
export type UserOrder = ErasureOrder & {
  readonly person: { readonly openId: string; readonly unionId?: undefined; readonly appid: string };
};

/**
 * Orders of the last minutes, by any caller's word. Each is remembered in Redis, for a log-in or a phone number that is on its way. Of a user of
 * whom MySQL has nothing only Redis and processes are swept: an order about one gets no journal, no entry in the audit log and no lock that
 * log-ins wait for.
 */
export interface RecentOrders {
  /** Comes before anybody looks what is kept: what is not seen then is written later, and finds this. @returns it with its time */
  remember(order: UserOrder): Promise<TimedOrder>;
  /**
   * By what a log-in that has just been written is to be erased, and by what its profile, if they were made before.
   * @param fence of the log-in
   * @param profileFence of the log-in that brought the profile
   */
  findOrders(user: AppUser, fence: number, profileFence: number): Promise<TimedOrder[]>;
  /** Those of which MySQL has a log-in, or the profile of one, that was made before. */
  findLate(orders: readonly TimedOrder[]): Promise<TimedOrder[]>;
  /** Whether a phone number that was asked for then is to go. @param askedAtUs by Redis's clock */
  isPhoneOrdered(user: AppUser, askedAtUs: number): Promise<boolean>;
  /** Whether MySQL has anything that would go. */
  isAnythingKept(order: UserOrder): Promise<boolean>;
  /** Of a user of whom MySQL has nothing: what Redis and processes may have goes with the next `sweep`. @throws if too many wait */
  addToSweep(order: UserOrder): void;
  /** Sweeps Redis and processes for all who wait, every ten seconds at most. */
  sweep(): Promise<void>;
  /** MySQL will be looked at once more, when the log-ins that were on their way are over. */
  addToLookAgain(order: TimedOrder): void;
  /**
   * Carries out the orders whose turn has come and that MySQL has a log-in of before for: one that could not look, or died before it did.
   * @param carryOut if it throws, the order is looked at again
   */
  lookAgain(carryOut: (order: TimedOrder) => Promise<void>): Promise<void>;
}

/** @property orderedAtUs by Redis's clock */
type TimedOrder = UserOrder & { readonly orderedAtUs: number };

/** As long as WeChat's answer to a code is kept, by which a log-in goes on, and a little more. */
const rememberedSeconds = codeRememberedMs / 1000 + 60;
const maxWaiting = 1000;
/** A pass looks at every key of Redis, for all at once. */
const betweenSweepsMs = 10_000;

/** So long after an order: what was on its way then is written, or never will be. */
const lookAgainAfterMs = [10_000, 60_000] as const;
/** Beyond, the oldest are not looked at again. */
const maxToLookAgain = 10_000;
const ordersPerLook = 500;

const keyOf = (user: string, part: ErasurePart) => `wafer:erased:${part === 'everything' ? '' : `${part}:`}${user}`;

export function createRecentOrders(stores: ErasureStores): RecentOrders {
  const { sequelize, seal, commands } = stores;
  const read = createKeyReader(commands);
  const waiting = new Map<string, Traces>();
  let sweepAt = performance.now();
  /** @property looks how often MySQL has been looked at again */
  let toLookAgain: { readonly order: TimedOrder; readonly from: number; looks: number }[] = [];

  const isThere = async (sql: string, replacements: Readonly<Record<string, unknown>>): Promise<boolean> => {
    const rows = await sequelize.query(sql, { replacements: { ...replacements }, type: QueryTypes.SELECT });
    return rows.length > 0;
  };

  /** @param after which parts, and of each since when an order counts, in microseconds since 1970 */
  const findEach = async (
    { openId, appid }: AppUser,
    after: readonly (readonly [part: ErasurePart, fence: number])[],
  ): Promise<TimedOrder[]> => {
    const user = erasedUserOf(seal, { openId, appid });
    const found = after.map(async ([part, fence]): Promise<TimedOrder[]> => {
      const key = keyOf(user, part);
      const sealed = await read(key);
      if (sealed === null) return [];
      const order = JSON.parse(seal.open(erasurePurpose(key), sealed)) as Remembered;
      return order.orderedAtUs >= fence ? [{ ...order, part, person: { openId, appid } }] : [];
    });
    return (await Promise.all(found)).flat();
  };

  const findLate = async (orders: readonly TimedOrder[]): Promise<TimedOrder[]> => {
    if (orders.length === 0) return [];
    const defaultAppid = toApps(await readApps(stores.appInfo)).default?.appid;
    const rows = await sequelize.query<{
      open_id: string;
      appid: string | null;
      fence: number | string;
      profile_fence: number | string;
    }>('select open_id, appid, fence, profile_fence from cSessionInfo where open_id in (:openIds)', {
      replacements: { openIds: [...new Set(orders.map(({ person }) => person.openId))] },
      type: QueryTypes.SELECT,
    });
    return orders.filter(({ part, person, orderedAtUs }) =>
      rows
        .filter((row) => row.open_id === person.openId && (row.appid || defaultAppid) === person.appid)
        .map((row) => Number(part === 'profile' ? row.profile_fence : row.fence))
        // 0 is no log-in of ours. A profile that was dropped has the time of its order.
        .some((fence) => fence > 0 && (fence < orderedAtUs || (fence === orderedAtUs && part !== 'profile'))),
    );
  };

  return {
    async remember(order) {
      const { part, person, ...rest } = order;
      const key = keyOf(erasedUserOf(seal, person), part);
      const remembered: Remembered = { ...rest, orderedAtUs: await readRedisTime(commands) };
      await commands.set(key, seal.seal(erasurePurpose(key), JSON.stringify(remembered)), 'EX', rememberedSeconds);
      return { ...order, orderedAtUs: remembered.orderedAtUs };
    },
    findOrders: (user, fence, profileFence) =>
      findEach(user, [
        ['everything', fence],
        ['profile', profileFence],
      ]),
    findLate,
    async isPhoneOrdered(user, askedAtUs) {
      const found = await findEach(user, [
        ['everything', askedAtUs],
        ['phone', askedAtUs],
      ]);
      return found.length > 0;
    },
    async isAnythingKept({ part, person: { openId, appid } }) {
      const defaultAppid = toApps(await readApps(stores.appInfo)).default?.appid;
      if ((await findPersonRows(sequelize, [openId], appid, defaultAppid)).length > 0) return true;
      if (part !== 'everything') return false;
      for (const table of ['cWaferEvent', 'cWaferDeadLetter']) {
        const sql = `select 1 from ${table} where open_id = :openId and event not in ('', 'user.erased')
          and (appid is null or appid = :appid) limit 1`;
        if (await isThere(sql, { openId, appid })) return true;
      }
      const dropped = 'select 1 from cWaferDropped where open_id = :openId limit 1';
      if (appid === defaultAppid && (await isThere(dropped, { openId }))) return true;
      const named = { appid, openIds: [openId], unionIds: [], ids: [], rows: [] };
      return (await findNamingEntries(sequelize, named)).length > 0;
    },
    addToSweep({ part, person }) {
      // A profile is with a session.
      if (part === 'profile') return;
      if (waiting.size >= maxWaiting) throw new Error('too many orders wait about users of whom nothing is kept');
      const traces = withRows(firstTraces(part, person, [person.openId]), [], []);
      waiting.set(JSON.stringify([part, person.appid, person.openId]), traces);
    },
    async sweep() {
      if (waiting.size === 0 || performance.now() < sweepAt) return;
      sweepAt = performance.now() + betweenSweepsMs;
      const due = [...waiting];
      const people = due.map(([, traces]) => traces);
      await tellToForget(stores, people);
      await sweepRedis(stores, people);
      for (const [key, traces] of due) if (waiting.get(key) === traces) waiting.delete(key);
    },
    addToLookAgain(order) {
      toLookAgain.push({ order, from: performance.now(), looks: 0 });
      if (toLookAgain.length > maxToLookAgain) toLookAgain.shift();
    },
    async lookAgain(carryOut) {
      const now = performance.now();
      const due = toLookAgain
        .filter(({ from, looks }) => now - from >= (lookAgainAfterMs[looks] ?? 0))
        .slice(0, ordersPerLook);
      if (due.length === 0) return;
      const late = await findLate(due.map(({ order }) => order));
      for (const order of late) await carryOut(order);
      for (const entry of due) entry.looks++;
      toLookAgain = toLookAgain.filter(({ looks }) => looks < lookAgainAfterMs.length);
    },
  };
}

/** Of whom it is only its key says, by a fingerprint. */
interface Remembered extends Omit<UserOrder, 'part' | 'person'> {
  readonly orderedAtUs: number;
}
