import type { LoadResult } from '../load/load.ts';
import type { Spread } from './statistics.ts';

/** What a comparison came to; `--json` writes a list of these. */
export interface Result {
  readonly name: string;
  /** What `ratio` is. */
  readonly unit: string;
  readonly ours: Figures;
  /** null where nothing but ourselves is measured. */
  readonly peer: Figures | null;
  readonly ratio: Spread;
  readonly rounds: readonly unknown[];
  /** Rounds that did not count because an answer was no success. */
  readonly voided: number;
  readonly tables: readonly Table[];
  readonly notes: readonly string[];
}

export type Figures = Readonly<Record<string, number | Readonly<Record<string, number>>>>;

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** One side of one round. */
export interface Measurement extends LoadResult {
  /** Processor seconds per 1,000 requests, by process. */
  readonly cpuSecondsPer1000: Readonly<Record<string, number>>;
}

/** A comparison could not be made; the report says why and goes on. */
export class SkippedError extends Error {
  override name = 'SkippedError';
}
