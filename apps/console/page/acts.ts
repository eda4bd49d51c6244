import { shallowRef } from 'vue';
import { createActKey } from './api/client.ts';

/** Something that can't be taken back, or that others notice: what it will do is asked of the console first. */
export interface Act<Effect, Result> {
  readonly title: string;
  /** What it would do and to how many, without doing it. */
  readonly foresee: () => Promise<Effect>;
  /** The same in sentences. */
  readonly describe: (effect: Effect) => readonly string[];
  /** On the button, such as "End 3 sessions". */
  readonly label: (effect: Effect) => string;
  /** The same key for every try, so that the console carries it out once. */
  readonly carryOut: (idempotencyKey: string) => Promise<Result>;
  /** To be typed before it can be done: for what hits many. */
  readonly typed?: (effect: Effect) => string | undefined;
  /** True: there is nothing to do, and so no button. */
  readonly isNothing?: (effect: Effect) => boolean;
}

export interface RunningAct {
  readonly act: Act<unknown, unknown>;
  readonly idempotencyKey: string;
  readonly settle: (result: unknown) => void;
}

/** What the dialog of the page shows at present. */
export const runningAct = shallowRef<RunningAct>();

/** @returns what came of it; undefined if it was called off */
export function confirmAct<Effect, Result>(act: Act<Effect, Result>): Promise<Result | undefined> {
  return new Promise((resolve) => {
    runningAct.value?.settle(undefined);
    runningAct.value = {
      act: act as Act<unknown, unknown>,
      idempotencyKey: createActKey(),
      settle(result) {
        runningAct.value = undefined;
        resolve(result as Result | undefined);
      },
    };
  });
}
