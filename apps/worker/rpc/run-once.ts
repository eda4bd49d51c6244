/** Runs each call once: whoever brings it again, while it runs or until its deadline, gets what came of it. */
export interface RunOnce<Result> {
  /** @param deadline in the clock of `nowMs`: from then on the call is forgotten, and nobody runs it any more */
  run(key: string, deadline: number, work: () => Promise<Result>): Promise<Result>;
  /** From now on whoever brings a call again gets this, whatever came of it. */
  forgetResults(instead: Result): void;
}

const forgottenEachTime = 2;

/** @param nowMs Redis's clock */
export function createRunOnce<Result>(nowMs: () => number): RunOnce<Result> {
  /** In the order of their beginning, which is about that of their deadlines. */
  const runs = new Map<string, { readonly deadline: number; readonly result: Promise<Result> }>();

  const forgetOldest = () => {
    const now = nowMs();
    for (let count = 0; count < forgottenEachTime; count++) {
      const [oldest] = runs;
      if (oldest === undefined || oldest[1].deadline > now) return;
      runs.delete(oldest[0]);
    }
  };

  return {
    run(key, deadline, work) {
      forgetOldest();
      const known = runs.get(key);
      if (known !== undefined) return known.result;
      const result = work();
      runs.set(key, { deadline, result });
      return result;
    },
    forgetResults(instead) {
      const replace = () => instead;
      for (const [key, { deadline, result }] of runs)
        runs.set(key, { deadline, result: result.then(replace, replace) });
    },
  };
}
