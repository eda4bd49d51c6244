import type { RedisClock } from '../redis/clock.ts';
import type { RedisClient } from '../redis/connect.ts';
import { freshMs, groupKey, groupsKey, keptKey, snapshotKey } from './figure-keys.ts';
import { readSnapshot } from './read-snapshot.ts';
import type { Snapshot } from './snapshot.ts';

/** The figures of processes whose counters are kept together. */
export interface GroupFigures {
  /** `worker`, or `web:` and the machine. */
  readonly group: string;
  readonly processes: readonly ProcessFigures[];
  /** What ended ones had counted. */
  readonly kept: Snapshot;
}

export interface ProcessFigures {
  readonly instance: string;
  /** Milliseconds since 1970 in Redis's clock. */
  readonly publishedAt: number;
  /** So lately that its gauges still tell how it is. */
  readonly isFresh: boolean;
  readonly snapshot: Snapshot;
}

/** Reads what processes have published (figures.ts), of all machines, without taking part. */
export interface FiguresReader {
  /** @throws when Redis does not answer: a part of the figures would look like counters that have fallen */
  read(): Promise<GroupFigures[]>;
}

export function createFiguresReader(client: RedisClient, clock: RedisClock): FiguresReader {
  /** A snapshot that is read again has most often not changed, and reading one costs more than all else here. */
  let known = new Map<string, { readonly text: string; readonly snapshot: Snapshot }>();

  const parse = (next: typeof known, key: string, text: string | null): Snapshot => {
    if (text === null) return [];
    const before = known.get(key);
    // What no process of ours has written counts as nothing; who takes part removes it.
    const read = before?.text === text ? before : { text, snapshot: readSnapshot(text) ?? [] };
    next.set(key, read);
    return read.snapshot;
  };

  return {
    async read() {
      const groups = [...new Set(['worker', ...(await client.zrange(groupsKey, '0', '-1'))])];
      const members = await Promise.all(groups.map((group) => client.zrange(groupKey(group), '0', '-1', 'WITHSCORES')));
      const names = members.map((texts) =>
        texts.flatMap((instance, index) => (index % 2 === 0 ? [{ instance, at: toTime(texts[index + 1]) }] : [])),
      );
      // In one go: a process that ends meanwhile is in what is kept or has its snapshot, never both or neither.
      const transaction = client.multi();
      for (const { instance } of names.flat()) transaction.get(snapshotKey(instance));
      for (const group of groups) transaction.hget(keptKey(group), 'sum');
      const replies = (await transaction.exec()) ?? [];
      const textAt = (index: number): string | null => {
        const [error, text] = replies[index] ?? [];
        return error ? null : ((text ?? null) as string | null);
      };
      const next: typeof known = new Map();
      const freshSince = clock.nowMs() - freshMs;
      const count = names.flat().length;
      let index = 0;
      const figures = groups.map((group, place) => ({
        group,
        processes: (names[place] ?? []).map(({ instance, at }) => ({
          instance,
          publishedAt: at,
          isFresh: at >= freshSince,
          snapshot: parse(next, snapshotKey(instance), textAt(index++)),
        })),
        kept: parse(next, keptKey(group), textAt(count + place)),
      }));
      known = next;
      return figures;
    },
  };
}

/** A score can be infinite, too, which no process of ours has written. */
function toTime(score: string | undefined): number {
  const at = Number(score);
  return Number.isFinite(at) ? at : 0;
}
