import type { Seal } from '../rpc/seal.ts';

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof logLevels)[number];

/** How all front ends and workers are to log for a while. */
export interface LevelOrder {
  /** undefined: as each was started with. */
  readonly level?: LogLevel | undefined;
  /** Front ends log one of so many checks of sessions; 0: none. */
  readonly checksEvery: number;
  /** Milliseconds since 1970, of Redis's clock: an older order does not undo a newer one. */
  readonly givenAtMs: number;
  /** From then on everything is as before. */
  readonly untilMs: number;
}

/** Nobody forgets for longer than this that the disk fills. */
export const longestOrderMs = 3_600_000;
/** Holds the order as long as it lasts: a process that starts meanwhile joins. */
export const levelOrderKey = 'wafer:log-level';

const purpose = 'log level';

export function sealLevelOrder(seal: Seal, order: LevelOrder): string {
  return seal.seal(purpose, JSON.stringify(order));
}

/** @throws if it is not ours */
export function openLevelOrder(seal: Seal, sealed: string): LevelOrder {
  return JSON.parse(seal.open(purpose, sealed)) as LevelOrder;
}
