import { spawnSync } from 'node:child_process';
import type { Cores } from '../stack/cores.ts';
import type { Share } from './source.ts';

/** As many requests as the server answers, over a number of connections, for a time. */
export interface LoadOptions {
  readonly url: string;
  readonly shares: readonly Share[];
  readonly connections: number;
  readonly seconds: number;
  /** Number of the first request: chooses its record, and makes codes that were never sent before. */
  readonly firstNumber: number;
  readonly cores: Cores;
}

export interface LoadResult {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers that were no success, and requests without an answer. */
  readonly errors: number;
  /** The first bad answer. */
  readonly errorSample?: string;
  /** Processor seconds of the load generator itself: close to the round's length it would be the limit. */
  readonly generatorCpuSeconds: number;
}

export type LoadGenerator = (options: LoadOptions) => Promise<LoadResult>;

export const hasWrk = spawnSync('wrk', ['--version']).error === undefined;
