/**
 * Spares callers the wait for a database that has fallen silent: while nothing is answered, statements fail at once, but for one a
 * second that tries. A statement that alone takes too long, because somebody holds a row, is no silence: others are answered meanwhile.
 */
export interface SilenceGuard {
  run<Result>(work: () => Promise<Result>): Promise<Result>;
}

const pauseMs = 1000;
/** A server that refuses at once keeps nobody waiting, and may be back at once. */
const shortMs = 300;

export class DatabaseSilentError extends Error {
  /** Like those of connections that fail. */
  readonly code = 'ESILENT';

  constructor() {
    super('not tried: the database has just not answered');
    this.name = 'DatabaseSilentError';
  }
}

/** @param isUnanswered false for an error with which the server answered: it is there */
export function createSilenceGuard(
  isUnanswered: (error: unknown) => boolean,
  nowMs: () => number = () => performance.now(),
): SilenceGuard {
  let answeredAt = Number.NEGATIVE_INFINITY;
  let isSilent = false;
  let refusedUntil = Number.NEGATIVE_INFINITY;

  const hear = () => {
    answeredAt = nowMs();
    isSilent = false;
    refusedUntil = Number.NEGATIVE_INFINITY;
  };
  return {
    async run(work) {
      const startedAt = nowMs();
      if (startedAt < refusedUntil) throw new DatabaseSilentError();
      // This one tries, and the others go on failing meanwhile.
      if (isSilent) refusedUntil = startedAt + pauseMs;
      try {
        const result = await work();
        hear();
        return result;
      } catch (error) {
        if (!isUnanswered(error)) hear();
        else if (answeredAt < startedAt && nowMs() - startedAt > shortMs) {
          isSilent = true;
          refusedUntil = nowMs() + pauseMs;
        }
        throw error;
      }
    },
  };
}
