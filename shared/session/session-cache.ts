import { setTimeout } from 'node:timers/promises';
import { Cluster } from 'ioredis';
import { createPromptGrouper } from '../async/grouper.ts';
import { soon } from '../async/patience.ts';
import { takeRandomBytes } from '../keys/random.ts';
import { channelOf } from '../redis/channel.ts';
import type { RedisClient } from '../redis/connect.ts';
import { createKeyReader } from '../redis/key-reader.ts';
import { defineKeyScript, defineScript } from '../redis/script.ts';
import { changeChannel, nameInChange } from './change-channel.ts';
import { cacheKeyOf } from './cache-key.ts';
import { decodeSession, encodeSession, isEntry, type Session } from './session.ts';
import type { CountsSince } from './present-life.ts';
import { nowSeconds } from './wall-clock.ts';

/**
 * The session cache in Redis. A key holds one of:
 * - an entry (its format version, then the session)
 * - a lease (`L …`): a reader is on its way to MySQL and may fill the key if nobody touched it since
 * - a mark (`W …`): a writer is about to change the row; nobody may fill until it has. A shared mark (`W* …`) names all the writers
 *   that are about it: none of them knows what the others leave behind, so none publishes, and the last one clears the key
 *
 * Every change is a compare-and-set on exactly what the changer saw or put there, so a late reader or writer can never put an
 * older session over a newer one. An entry says when its reader or writer came: what Redis has lost since then it does not know.
 */
export interface SessionCache {
  /** One read, together with others. @throws when Redis does not answer; at once while it has just failed to several times. */
  find(id: string): Promise<CacheLookup>;
  /** Before reading a row from MySQL on a miss: the right to fill. undefined if another reader or a writer is there. */
  lease(id: string): Promise<Seen | undefined>;
  /** Stores what was read from MySQL, unless the key changed since `seen`. */
  fill(id: string, seen: Seen, session: Session): Promise<void>;
  /** Drops what was seen, unless the key changed since. */
  drop(id: string, seen: Seen): Promise<void>;
  /**
   * Before a row is written whose id nobody has seen: the right to store it, to be waited for before the id is let out. undefined if Redis
   * does not give it soon: by the time it does, the session may have been ended.
   */
  introduce(id: string): Promise<Introduction | undefined>;
  /** Before a row is changed: from here on nobody is answered by the cache, until `publish` or `withdraw`. */
  mark(ids: readonly string[]): Promise<WriteMark>;
  /**
   * After the change is committed: stores the new session, unless another writer was about the row at the same time, or the mark is gone.
   * Tried again for some seconds while Redis does not answer, as `withdraw` is. One of both ends a mark, once.
   */
  publish(id: string, mark: WriteMark, session: Session): Promise<void>;
  /** After a change that did not happen, or of which the new state is not known: the next check reads MySQL. */
  withdraw(ids: readonly string[], mark: WriteMark): Promise<void>;
}

/** A new session on its way into the cache. */
interface Introduction {
  /** Stores the session of the row that was written, unless it has been ended since, however late this arrives. */
  store(session: Session): Promise<void>;
}

/** What a key held, as the condition for changing it, and the second before it was seen. */
export interface Seen {
  readonly value: string;
  readonly at: number;
}
export interface WriteMark {
  readonly tag: string;
  /** The second before the keys were marked. */
  readonly at: number;
}
export type CacheLookup =
  | { readonly session: Session; readonly seen: Seen }
  /** `seen` is an entry that does not count, and that who reads the row may replace. */
  | { readonly session?: undefined; readonly marked: boolean; readonly seen?: Seen };

interface NewEntry {
  readonly key: string;
  readonly lease: string;
  readonly entry: string;
  readonly lifeMs: number;
}

/**
 * An entry expires after a day, in use or not: one read of MySQL per session and day costs less than telling Redis of
 * each visit. Up to a tenth sooner, so that a mass log-in does not end as a mass expiry.
 */
const entryTtlMs = 86_400_000;
const leaseTtlMs = 5000;
/** How long a first log-in waits for its place: hardly ever longer than MySQL takes, unless Redis stalls. */
const introductionMs = 250;
/** Outlives the commit that follows it. */
const markTtlMs = 30_000;
/** A writer connects again a moment after a reader does, and what that one has filled meanwhile must not stay. */
const unmarkingMs = 5000;
const unmarkAgainMs = 100;
/** How long a call that has written waits for its mark to end, before it answers. */
export const unmarkPatienceMs = 1000;

const fillScript = `
local now = redis.call('GET', KEYS[1])
if now ~= ARGV[1] then return 0 end
if string.sub(ARGV[1], 1, 2) ~= 'L ' then redis.call('PUBLISH', ARGV[4], ARGV[5]) end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1`;

/** `~` is a writer that never ends: with so many at once the mark stays until its time is over. */
const markScript = `
local answers = {}
for i, key in ipairs(KEYS) do
  local mark = ARGV[2 * i + 1]
  local writers = string.match(redis.call('GET', key) or '', '^W%*? (.+)$')
  local value = 'W ' .. mark
  if writers then value = 'W* ' .. (#writers > 2000 and '~' or writers) .. ' ' .. mark end
  redis.call('SET', key, value, 'PX', ARGV[1])
  redis.call('PUBLISH', ARGV[2], ARGV[2 * i + 2])
  answers[i] = 1
end
return answers`;

/**
 * Where the mark is gone, Redis has lost it, or its time was over. A reader may have put in what it read before the commit: that goes, and
 * who remembers it is told. Another writer that has come since knows nothing of this one: its mark becomes a shared one.
 */
const unmarkScript = `
local answers = {}
for i, key in ipairs(KEYS) do
  local mark, value, life, name = ARGV[4 * i - 2], ARGV[4 * i - 1], ARGV[4 * i], ARGV[4 * i + 1]
  local now = redis.call('GET', key) or ''
  local writers = string.match(now, '^W%*? (.+)$')
  if now == 'W ' .. mark then
    if value == '' then redis.call('DEL', key) else redis.call('SET', key, value, 'PX', life) end
  elseif writers then
    local others = {}
    for writer in string.gmatch(writers, '%S+') do
      if writer ~= mark then others[#others + 1] = writer end
    end
    if #others == 0 then redis.call('DEL', key)
    else redis.call('SET', key, 'W* ' .. table.concat(others, ' '), 'PX', math.max(redis.call('PTTL', key), 1)) end
  else
    redis.call('DEL', key)
    redis.call('PUBLISH', ARGV[1], name)
  end
  answers[i] = 1
end
return answers`;

const leaseScript = `
local answers = {}
for i, key in ipairs(KEYS) do answers[i] = redis.call('SET', key, ARGV[i + 1], 'PX', ARGV[1], 'NX') and 1 or 0 end
return answers`;

/** Sent by its text: a server that did not know the script would take the sessions a round trip later. */
const introduceScript = `
for i, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[3 * i - 2] then redis.call('SET', key, ARGV[3 * i - 1], 'PX', ARGV[3 * i]) end
end`;

const maxIntroductions = 64;

/**
 * @param countsSince of who goes by what it finds: only entries that were cached later than this, in seconds since 1970, count
 */
export function createSessionCache(client: RedisClient, countsSince: CountsSince = () => 0): SessionCache {
  const read = createKeyReader(client);
  const replace = defineScript(client, 'waferReplace', fillScript);
  const changes = channelOf(client, changeChannel);
  const markKey = defineKeyScript(client, 'waferMark', markScript, [markTtlMs, changes]);
  const unmarkKey = defineKeyScript(client, 'waferUnmark', unmarkScript, [changes]);
  const unmark = async (id: string, { tag }: WriteMark, value: string) => {
    const giveUpAt = performance.now() + unmarkingMs;
    for (;;) {
      try {
        await unmarkKey(cacheKeyOf(id), [tag, value, entryLifeMs(), nameInChange(id)]);
        return;
      } catch (error) {
        if (performance.now() > giveUpAt || client.status === 'end') throw error;
        await setTimeout(unmarkAgainMs);
      }
    }
  };
  const leaseKey = defineKeyScript(client, 'waferLease', leaseScript, [leaseTtlMs]);
  const lease = async (id: string): Promise<Seen | undefined> => {
    const seen = { value: `L ${createTag()}`, at: nowSeconds() };
    return (await leaseKey(cacheKeyOf(id), [seen.value])) === 1 ? seen : undefined;
  };
  const storeNew = async (entries: readonly NewEntry[]) => {
    const keys = entries.map(({ key }) => key);
    const args = entries.flatMap(({ lease, entry, lifeMs }) => [lease, entry, lifeMs]);
    await client.eval(introduceScript, keys.length, ...keys, ...args);
  };
  const introduceEntry = createPromptGrouper<NewEntry>(maxIntroductions, async (entries) => {
    // Each key of a cluster has a slot of its own.
    if (client instanceof Cluster) await Promise.all(entries.map((entry) => storeNew([entry])));
    else await storeNew(entries);
  });
  const compareAndSet = async (id: string, seen: Seen, value: string) => {
    await replace([cacheKeyOf(id)], [seen.value, value, entryLifeMs(), changes, nameInChange(id)]);
  };
  return {
    async find(id) {
      const at = nowSeconds();
      const value = await read(cacheKeyOf(id));
      if (value === null) return { marked: false };
      // Asked after the read: what was read before a connection was lost is judged by the one after it.
      const since = countsSince();
      const session = decodeSession(value, nowSeconds(), typeof since === 'number' ? since : await since);
      if (session !== undefined) return { session, seen: { value, at } };
      return isEntry(value) ? { marked: false, seen: { value, at } } : { marked: true };
    },
    lease,
    fill: (id, seen, session) => compareAndSet(id, seen, encode(session, seen.at)),
    drop: (id, seen) => compareAndSet(id, seen, ''),
    async introduce(id) {
      const seen = await soon(lease(id), introductionMs);
      if (seen === undefined) return undefined;
      return {
        store: (session) =>
          introduceEntry({
            key: cacheKeyOf(id),
            lease: seen.value,
            entry: encode(session, seen.at),
            lifeMs: entryLifeMs(),
          }),
      };
    },
    async mark(ids) {
      const mark = { tag: createTag(), at: nowSeconds() };
      await Promise.all(ids.map((id) => markKey(cacheKeyOf(id), [mark.tag, nameInChange(id)])));
      return mark;
    },
    publish: (id, mark, session) => unmark(id, mark, encode(session, mark.at)),
    async withdraw(ids, mark) {
      await Promise.all(ids.map((id) => unmark(id, mark, '')));
    },
  };
}

function entryLifeMs(): number {
  return Math.round(entryTtlMs * (0.9 + Math.random() / 10));
}

function encode(session: Session, atSeconds: number): string {
  return encodeSession(session, createTag(), atSeconds);
}

function createTag(): string {
  return takeRandomBytes(9).toString('base64url');
}
