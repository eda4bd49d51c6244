/**
 * A connection outlives what its address stands for: after a failover the old server may go on answering, as a replica that takes no
 * writes, or cut off from its cluster. So connections are left behind when the server says so, and when they are some seconds old,
 * for those that only read: a server that is out of date answers them, and wrongly.
 */
export interface PoolRenewal {
  /** A new connection of the pool. */
  noteConnection(connection: object): void;
  /** An error of a statement: the whole pool may have to go. */
  noteError(error: unknown): void;
  /** Whether the pool may give it out once more. */
  isCurrent(connection: object): boolean;
}

/**
 * By number, since MariaDB and MySQL give some numbers different names: read-only server (1290), transaction (1792), engine (1836,
 * 1874); no part of its Galera cluster (1047) or replication group (3100); shutting down (1053); offline (3032).
 */
const wrongServerErrnos = new Set([1047, 1053, 1290, 1792, 1836, 1874, 3032, 3100]);

function isWrongServer(error: unknown): boolean {
  const { errno, parent } = error as { errno?: number; parent?: { errno?: number } };
  return wrongServerErrnos.has(parent?.errno ?? errno ?? 0);
}

/** A server that takes no writes for long is not asked for new connections all the time. */
const pauseMs = 1000;
/** With some spread, so that not all connections are made anew at once. */
const ageMs = { least: 6000, most: 8000 } as const;

export function createPoolRenewal(nowMs: () => number = () => performance.now()): PoolRenewal {
  const lives = new WeakMap<object, { readonly from: number; readonly until: number }>();
  let renewedAt = Number.NEGATIVE_INFINITY;
  return {
    noteConnection(connection) {
      const from = nowMs();
      lives.set(connection, { from, until: from + ageMs.least + Math.random() * (ageMs.most - ageMs.least) });
    },
    noteError(error) {
      if (isWrongServer(error) && nowMs() - renewedAt >= pauseMs) renewedAt = nowMs();
    },
    isCurrent(connection) {
      const life = lives.get(connection);
      return life !== undefined && life.from > renewedAt && nowMs() < life.until;
    },
  };
}
