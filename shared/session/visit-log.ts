import type { RedisClient } from '../redis/connect.ts';
import { defineScript } from '../redis/script.ts';

/**
 * Visits on their way to MySQL. Front ends add them several times a second; workers write them in batches, a session at most
 * once in {@link visitDelaySeconds}. Until a visit is in MySQL it can be read here, so no front end takes a used session for an
 * idle one.
 */
export interface VisitLog {
  /** @returns false if the log was found empty of everything, as after a restart of Redis: recent visits have to be added again */
  add(visits: VisitBatch): Promise<boolean>;
  /** Visits of these rows that are not in MySQL yet. `complete` is false if some may have been lost lately. */
  read(rows: readonly number[]): Promise<{ complete: boolean; visits: Map<number, Visit> }>;
  /** Visits that have waited long enough, oldest first, of one shard. */
  due(shard: number, limit: number): Promise<Visit[]>;
  /** Removes visits that are in MySQL now, unless a later one of the same session has come in. */
  settle(shard: number, visits: readonly Visit[]): Promise<void>;
  /** Removes what is known of these rows, which are gone. */
  forget(rows: readonly number[]): Promise<void>;
  /** The right to drain a shard for this many milliseconds, so that several workers don't do it twice. */
  claimShard(shard: number, ttlMs: number): Promise<boolean>;
  /** How many sessions wait to be written. */
  size(): Promise<number>;
}

export interface Visit {
  /** Primary key of the session's row. */
  readonly row: number;
  /** Seconds since 1970. */
  readonly time: number;
  /** The last visit that MySQL had when the session was read. A row with an older one was set back by hand: the visit is void. */
  readonly base: number;
}

/** Visits as they are added: a text for each shard, `row time base` and a line end again and again. */
export type VisitBatch = readonly string[];

/** How long visits of a session are collected before they are written. */
const visitDelaySeconds = 8;
/** So long a visit lies in the log at most, because workers look at it once a second. If Redis loses the log, it loses visits of this time. */
export const maxInLogSeconds = visitDelaySeconds + 1;
/** A visit reaches MySQL within this time: the ways to the log and from it take less than a second. */
export const maxVisitDelaySeconds = maxInLogSeconds + 1;

/** Fixed: all versions that share a Redis must agree on it. */
export const visitShards = 4;

/** For this long after a restart of Redis a visit may be missing that a front end has not added again yet. */
const settlingSeconds = 15;

export function encodeVisits(visits: Iterable<Visit>): VisitBatch {
  const shards = Array.from({ length: visitShards }, () => '');
  for (const visit of visits) shards[visit.row % visitShards] += encodeVisit(visit);
  return shards;
}

function encodeVisit({ row, time, base }: Visit): string {
  return `${row} ${time} ${base}\n`;
}

// What else a hash holds is no visit, nor is one of a time to come, which no real one would ever replace; a clock of ours may be some minutes
// off. Who writes nonsense into Redis stops nothing by it.
const isVisit = `
local now = tonumber(redis.call('TIME')[1])
local function isVisit(visit)
  local time, base = string.match(visit or '', '^(%d+) %-?(%d+)$')
  return time and #time <= 10 and #base <= 10 and tonumber(time) <= now + 300
end`;

// A key of another type would fail each command from now on.
const removeForeign = `
for index, kind in ipairs({'hash', 'zset', 'string'}) do
  local found = KEYS[index] and redis.call('TYPE', KEYS[index]).ok
  if found and found ~= 'none' and found ~= kind then redis.call('DEL', KEYS[index]) end
end`;

// The visits come as one text: as arguments of their own, each would cost the sender more than the visit is worth. Each command names all of
// them: with commands of its own a visit took Redis half as long again. A few thousand are the most that Lua can unpack.
const parseVisits = `${isVisit}
local rows, visits = {}, {}
for row, visit in string.gmatch(ARGV[1], '(%d+) ([^\\n]*)\\n') do
  rows[#rows + 1] = row
  visits[#visits + 1] = visit
end
local known = redis.call('HMGET', KEYS[1], unpack(rows))`;

// Of two in one second the one with the older base stays: where the row was set back in between, the other is void.
const addScript = `${removeForeign}${parseVisits}
local alive = redis.call('SET', KEYS[3], now, 'NX') and 0 or 1
local latest, news, due = {}, {}, {}
for index, row in ipairs(rows) do
  local visit, before = visits[index], latest[row] or known[index]
  local isNews = isVisit(visit)
  if before and not isVisit(before) then before = nil end
  if not isNews then
  elseif before then
    local time, since = tonumber(string.match(visit, '^%d+')), tonumber(string.match(before, '^%d+'))
    isNews = time > since
    if time == since then isNews = tonumber(string.match(visit, ' (%S+)')) < tonumber(string.match(before, ' (%S+)')) end
  else
    due[#due + 1] = now
    due[#due + 1] = row
  end
  if isNews then
    latest[row] = visit
    news[#news + 1] = row
    news[#news + 1] = visit
  end
end
if #news > 0 then redis.call('HSET', KEYS[1], unpack(news)) end
if #due > 0 then redis.call('ZADD', KEYS[2], 'NX', unpack(due)) end
return alive`;

const readScript = `${isVisit}
local born = tonumber(redis.call('GET', KEYS[2]) or '0') or 0
local age = born == 0 and -1 or now - born
local visits = redis.call('HMGET', KEYS[1], unpack(ARGV))
for index, visit in ipairs(visits) do
  if not isVisit(visit) then visits[index] = false end
end
return {age, visits}`;

// What is no visit, or of no row, leaves: it would be due for ever.
const dueScript = `${removeForeign}${isVisit}
local before, limit = now - tonumber(ARGV[1]), tonumber(ARGV[2])
while true do
  local rows = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', before, 'LIMIT', 0, limit)
  if #rows == 0 then return {{}, {}} end
  local visits = redis.call('HMGET', KEYS[1], unpack(rows))
  local bad = {}
  for index, row in ipairs(rows) do
    if #row > 15 or not string.match(row, '^%d+$') or not isVisit(visits[index]) then bad[#bad + 1] = row end
  end
  if #bad == 0 then return {rows, visits} end
  redis.call('HDEL', KEYS[1], unpack(bad))
  redis.call('ZREM', KEYS[2], unpack(bad))
end`;

const settleScript = `${parseVisits}
local settled, later = {}, {}
for index, row in ipairs(rows) do
  local visit = visits[index]
  if known[index] and string.sub(known[index], 1, #visit) == visit then
    settled[#settled + 1] = row
  else
    later[#later + 1] = now
    later[#later + 1] = row
  end
end
if #settled > 0 then
  redis.call('HDEL', KEYS[1], unpack(settled))
  redis.call('ZREM', KEYS[2], unpack(settled))
end
if #later > 0 then redis.call('ZADD', KEYS[2], 'XX', unpack(later)) end`;

/** @param client the queue's Redis: visits must not be evicted */
export function createVisitLog(client: RedisClient): VisitLog {
  const addVisits = defineScript(client, 'waferAddVisits', addScript);
  const readVisits = defineScript(client, 'waferReadVisits', readScript);
  const dueVisits = defineScript(client, 'waferDueVisits', dueScript);
  const settleVisits = defineScript(client, 'waferSettleVisits', settleScript);
  return {
    async add(visits) {
      const answers = await Promise.all(
        visits.flatMap((text, shard) =>
          text === '' ? [] : [addVisits([visitsKey(shard), dueKey(shard), bornKey(shard)], [text])],
        ),
      );
      return answers.every((alive) => alive === 1);
    },
    async read(rows) {
      const visits = new Map<number, Visit>();
      let complete = true;
      await Promise.all(
        [...groupByShard(rows, (row) => row)].map(async ([shard, group]) => {
          const [age, values] = (await readVisits([visitsKey(shard), bornKey(shard)], group)) as [
            number,
            (string | null)[],
          ];
          if (age < settlingSeconds) complete = false;
          group.forEach((row, index) => remember(visits, row, values[index]));
        }),
      );
      return { complete, visits };
    },
    async due(shard, limit) {
      const [rows, values] = (await dueVisits([visitsKey(shard), dueKey(shard)], [visitDelaySeconds, limit])) as [
        string[],
        (string | null)[],
      ];
      const visits = new Map<number, Visit>();
      rows.forEach((row, index) => remember(visits, Number(row), values[index]));
      return [...visits.values()];
    },
    async settle(shard, visits) {
      await settleVisits([visitsKey(shard), dueKey(shard)], [visits.map(encodeVisit).join('')]);
    },
    async forget(rows) {
      for (const [shard, group] of groupByShard(rows, (row) => row)) {
        await client.hdel(visitsKey(shard), ...group.map(String));
        await client.zrem(dueKey(shard), ...group);
      }
    },
    claimShard: async (shard, ttlMs) =>
      (await client.set(`wafer:{visits:${shard}}:drain`, '1', 'PX', ttlMs, 'NX')) === 'OK',
    async size() {
      const sizes = await Promise.all(Array.from({ length: visitShards }, (_, shard) => client.zcard(dueKey(shard))));
      return sizes.reduce((sum, size) => sum + size, 0);
    },
  };
}

const visitsKey = (shard: number) => `wafer:{visits:${shard}}`;
const dueKey = (shard: number) => `wafer:{visits:${shard}}:due`;
const bornKey = (shard: number) => `wafer:{visits:${shard}}:born`;

function groupByShard<Item>(items: readonly Item[], rowOf: (item: Item) => number): Map<number, Item[]> {
  const groups = new Map<number, Item[]>();
  for (const item of items) {
    const shard = rowOf(item) % visitShards;
    const group = groups.get(shard);
    if (group === undefined) groups.set(shard, [item]);
    else group.push(item);
  }
  return groups;
}

const visitPattern = /^(\d{1,10}) (-?\d{1,10})$/;

function remember(visits: Map<number, Visit>, row: number, value: string | null | undefined): void {
  const [, time, base] = visitPattern.exec(value ?? '') ?? [];
  if (base !== undefined) visits.set(row, { row, time: Number(time), base: Number(base) });
}
