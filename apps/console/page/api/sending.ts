import { ref, shallowRef, type Ref, type ShallowRef } from 'vue';
import { createActKey } from './client.ts';
import { toProblem, type Problem } from './problem.ts';

/** A form that is being sent: whether it is on its way, and what went wrong. */
export interface Sending {
  readonly isBusy: Ref<boolean>;
  readonly problem: ShallowRef<Problem | undefined>;
  /** @returns what `work` returns; undefined after a failure, which is in `problem` */
  send<Result>(work: (idempotencyKey: string) => Promise<Result>): Promise<Result | true | undefined>;
}

export function useSending(): Sending {
  const isBusy = ref(false);
  const problem = shallowRef<Problem>();
  let key = createActKey();

  return {
    isBusy,
    problem,
    async send(work) {
      if (isBusy.value) return undefined;
      isBusy.value = true;
      problem.value = undefined;
      try {
        const result = await work(key);
        key = createActKey();
        return result ?? true;
      } catch (error) {
        const failed = toProblem(error);
        // Only a try of which nobody knows how it ended has to be told from a new one.
        if (failed.status !== 0) key = createActKey();
        problem.value = failed;
        return undefined;
      } finally {
        isBusy.value = false;
      }
    },
  };
}
