/** Spares callers the wait for a server that has stopped answering: after a few failures in a row the next calls fail at once. */
export interface FailFast {
  run<Result>(work: () => Promise<Result>): Promise<Result>;
}

const failuresToOpen = 3;
const pauseMs = 1000;

class FailedFastError extends Error {
  constructor() {
    super('not tried: it has just failed several times in a row');
    this.name = 'FailedFastError';
  }
}

export function createFailFast(): FailFast {
  let failures = 0;
  let openUntil = Number.NEGATIVE_INFINITY;
  return {
    async run(work) {
      if (performance.now() < openUntil) throw new FailedFastError();
      // After the pause one caller tries while the others go on failing at once.
      if (failures >= failuresToOpen) openUntil = performance.now() + pauseMs;
      try {
        const result = await work();
        failures = 0;
        openUntil = Number.NEGATIVE_INFINITY;
        return result;
      } catch (error) {
        failures++;
        if (failures >= failuresToOpen) openUntil = performance.now() + pauseMs;
        throw error;
      }
    },
  };
}
