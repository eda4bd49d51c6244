import type { Dataset } from './data/dataset.ts';
import type { LoadGenerator } from './load/load.ts';
import type { Progress } from './report/progress.ts';
import type { Stack } from './stack/stack.ts';

/** What every comparison is run with. */
export interface Bench {
  readonly stack: Stack;
  readonly dataset: Dataset;
  /** The build that this one is compared with, on servers of its own. */
  readonly against?: OtherBuild | undefined;
  readonly generate: LoadGenerator;
  readonly progress: Progress;
  readonly rounds: number;
  readonly warmUpSeconds: number;
  readonly roundSeconds: number;
  readonly quick: boolean;
  /** Request numbers that nobody has used yet. */
  readonly numbers: Numbers;
}

export interface OtherBuild {
  readonly stack: Stack;
  readonly dataset: Dataset;
}

export interface Numbers {
  next(): number;
  /** @param count requests that were sent from there on */
  use(count: number): void;
}

/** For requests that were sent and not counted when a load ended. */
const slack = 10_000;

export function createNumbers(): Numbers {
  let next = 0;
  return {
    next: () => next,
    use(count) {
      next += count + slack;
    },
  };
}
