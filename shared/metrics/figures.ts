import type { RedisClient } from '../redis/connect.ts';
import type { RedisClock } from '../redis/clock.ts';
import { defineScript } from '../redis/script.ts';
import { endedKey, freshMs, groupKey, groupsKey, keptKey, keptForMs, snapshotKey } from './figure-keys.ts';
import { readSnapshot } from './read-snapshot.ts';
import { addCounters, countersOf, gaugesOf, type Snapshot } from './snapshot.ts';

/**
 * The figures of many processes as those of one, whose counters never fall. Each process publishes its snapshot in Redis every five
 * seconds, when it is asked for, and at its end. What an ended one had counted is added, once, to what is kept of its group; of one that
 * was killed that is what it published last. What is shown is only what is published, so that whichever process is asked shows no less
 * than the one that was asked before. Who writes something else into Redis can falsify figures, but nothing is hidden by it for long: what is
 * no snapshot counts as none, and is removed.
 */
export interface Figures {
  start(): void;
  /** Snapshots to be merged: of this process first, of its neighbours, of the ended. Never fails. */
  gather(): Promise<Snapshot[]>;
  /** Publishes for the last time. */
  close(): Promise<void>;
}

const publishIntervalMs = 5000;
/** After this silence a process counts as ended; until then its snapshot counts as it is. */
const endedAfterMs = 600_000;
const maxTries = 20;

/** KEYS: snapshot, ended, group, groups. ARGV: text, now, instance, ttl, name of the group. @returns 0 if this process was taken for ended */
const publishScript = `
  if redis.call('exists', KEYS[2]) == 1 then return 0 end
  redis.call('set', KEYS[1], ARGV[1], 'px', ARGV[4])
  redis.call('zadd', KEYS[3], ARGV[2], ARGV[3])
  redis.call('pexpire', KEYS[3], ARGV[4])
  redis.call('zadd', KEYS[4], ARGV[2], ARGV[5])
  redis.call('zremrangebyscore', KEYS[4], '-inf', ARGV[2] - ARGV[4])
  redis.call('pexpire', KEYS[4], ARGV[4])
  return 1`;

/** KEYS: kept, snapshot, ended, group. ARGV: version that was read, sum, snapshot that was read, instance, ttl. */
const endScript = `
  if (redis.call('hget', KEYS[1], 'version') or '0') ~= ARGV[1] then return 0 end
  if redis.call('get', KEYS[2]) ~= ARGV[3] then return 0 end
  redis.call('hset', KEYS[1], 'version', string.format('%d', ARGV[1] + 1), 'sum', ARGV[2])
  redis.call('pexpire', KEYS[1], ARGV[5])
  redis.call('rename', KEYS[2], KEYS[3])
  redis.call('zrem', KEYS[4], ARGV[4])
  return 1`;

/** KEYS: kept, ended. ARGV: version that was read, sum, ttl. */
const reviveScript = `
  if redis.call('exists', KEYS[2]) == 0 then return 1 end
  if (redis.call('hget', KEYS[1], 'version') or '0') ~= ARGV[1] then return 0 end
  redis.call('hset', KEYS[1], 'version', string.format('%d', ARGV[1] + 1), 'sum', ARGV[2])
  redis.call('pexpire', KEYS[1], ARGV[3])
  redis.call('del', KEYS[2])
  return 1`;

interface Seen {
  /** As published last, of this process. */
  readonly own: Snapshot;
  readonly others: readonly Snapshot[];
  /** No other process of this one's group is alive. */
  readonly isAlone: boolean;
}

export function createFigures(deps: {
  readonly client: RedisClient;
  readonly clock: RedisClock;
  readonly instance: string;
  /** Whose counters are kept together. */
  readonly group: string;
  /** Groups that are shown beside it. */
  readonly shown: readonly string[];
  readonly snapshot: () => Promise<Snapshot>;
}): Figures {
  const { client, clock, instance, group, shown, snapshot } = deps;
  const runPublish = defineScript(client, 'waferPublishFigures', publishScript);
  const runEnd = defineScript(client, 'waferEndFigures', endScript);
  const runRevive = defineScript(client, 'waferReviveFigures', reviveScript);
  let timer: NodeJS.Timeout | undefined;
  let seen: Seen | undefined;

  const readKept = async (): Promise<{ version: string; sum: Snapshot }> => {
    const [version, sum] = await client.hmget(keptKey(group), 'version', 'sum');
    const read = sum == null ? [] : readSnapshot(sum);
    if (read !== undefined && /^\d{1,15}$/.test(version ?? '0')) return { version: version ?? '0', sum: read };
    await client.del(keptKey(group));
    return { version: '0', sum: [] };
  };

  const drop = (of: string, name: string) =>
    Promise.all([client.zrem(groupKey(of), name), client.del(snapshotKey(name))]);

  /** Adds what an ended process published last to what is kept. */
  const end = async (name: string): Promise<void> => {
    for (let tries = 0; tries < maxTries; tries++) {
      const [text, kept] = await Promise.all([client.get(snapshotKey(name)), readKept()]);
      const published = text === null ? undefined : readSnapshot(text);
      if (text === null || published === undefined) return void (await drop(group, name));
      const sum = JSON.stringify(addCounters(kept.sum, published, 1));
      const keys = [keptKey(group), snapshotKey(name), endedKey(name), groupKey(group)];
      if ((await runEnd(keys, [kept.version, sum, text, name, keptForMs])) === 1) return;
    }
  };

  /** This process was silent for so long that it was taken for ended: what was added then is taken back. */
  const revive = async (): Promise<void> => {
    for (let tries = 0; tries < maxTries; tries++) {
      const [text, kept] = await Promise.all([client.get(endedKey(instance)), readKept()]);
      const sum = JSON.stringify(addCounters(kept.sum, readSnapshot(text ?? '[]') ?? [], -1));
      if ((await runRevive([keptKey(group), endedKey(instance)], [kept.version, sum, keptForMs])) === 1) return;
    }
  };

  const publishNow = async (): Promise<Snapshot> => {
    const current = await snapshot();
    const keys = [snapshotKey(instance), endedKey(instance), groupKey(group), groupsKey];
    const text = JSON.stringify(current);
    const send = () => runPublish(keys, [text, Math.floor(clock.nowMs()), instance, keptForMs, group]);
    if ((await send()) === 0) {
      await revive();
      await send();
    }
    return current;
  };
  // One after another: an older snapshot must not come after a newer one.
  let last: Promise<unknown> = Promise.resolve();
  const publish = (): Promise<Snapshot> => {
    const next = last.then(publishNow);
    last = next.catch(() => undefined);
    return next;
  };

  const read = async (): Promise<Seen> => {
    const groups = [group, ...shown];
    const members = await Promise.all(
      groups.map(async (each) => {
        const texts = await client.zrange(groupKey(each), '0', '-1', 'WITHSCORES').catch(async (error: unknown) => {
          if (!isOfOtherType(error)) throw error;
          await client.del(groupKey(each));
          return [];
        });
        return texts.flatMap((name, index) =>
          index % 2 === 0 ? [{ name, group: each, at: Number(texts[index + 1]) }] : [],
        );
      }),
    );
    const all = members.flat();
    const transaction = client.multi();
    for (const { name } of all) transaction.get(snapshotKey(name));
    for (const each of groups) transaction.hget(keptKey(each), 'sum');
    // In one go: a process that ends meanwhile is in what is kept or has its snapshot, never both or neither.
    const results = (await transaction.exec()) ?? [];
    const replies = await Promise.all(
      results.map(async ([error, text], index) => {
        const read = error === null ? readSnapshot((text as string | null) ?? '[]') : undefined;
        if (read !== undefined) return read;
        const member = all[index];
        if (member === undefined) await client.del(keptKey(groups[index - all.length] as string));
        else await drop(member.group, member.name);
        return [];
      }),
    );
    const freshSince = clock.nowMs() - freshMs;
    const isOther = ({ name }: { name: string }) => name !== instance;
    return {
      own: replies[all.findIndex((member) => !isOther(member))] ?? [],
      others: [
        ...all.flatMap((member, index) => {
          const published = replies[index] ?? [];
          if (!isOther(member)) return [];
          return [member.at >= freshSince ? published : countersOf(published)];
        }),
        ...replies.slice(all.length),
      ],
      isAlone: !all.some((member) => isOther(member) && member.group === group && member.at >= freshSince),
    };
  };

  const endSilentOnes = async (): Promise<void> => {
    const before = Math.floor(clock.nowMs() - endedAfterMs);
    for (const name of await client.zrangebyscore(groupKey(group), '-inf', before)) await end(name);
  };

  const beat = () =>
    void publish()
      .then(endSilentOnes)
      .catch(() => undefined);

  return {
    start() {
      timer = setInterval(beat, publishIntervalMs);
      timer.unref();
      beat();
    },
    async gather() {
      const published = await publish().catch(() => undefined);
      const current = await read().catch(() => undefined);
      seen = current ?? seen;
      if (published !== undefined && current !== undefined) return [published, ...current.others];
      const own = await snapshot();
      if (seen === undefined) return [gaugesOf(own)];
      // Nobody else can be asked who would show less.
      if (seen.isAlone) return [own, ...seen.others];
      return current === undefined ? [gaugesOf(own)] : [gaugesOf(own), countersOf(current.own), ...current.others];
    },
    async close() {
      if (timer === undefined) return;
      clearInterval(timer);
      await publish();
      await end(instance);
    },
  };
}

/** Redis's own word for a key that holds something else. */
function isOfOtherType(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('WRONGTYPE');
}
