import type { Session } from '../../../shared/session/session.ts';

/** Reads sessions from MySQL, the waiting ones together: a flood of unknown ids becomes a few statements. */
export interface SessionLookups {
  /** @throws {LookupUnavailableError} if it can't be read in time */
  find(id: string): Promise<Session | undefined>;
}

/** MySQL did not answer, or too many look-ups wait: nobody knows whether the session is valid. */
export class LookupUnavailableError extends Error {
  readonly reason: 'store_unavailable' | 'overloaded' | 'deadline';

  constructor(reason: LookupUnavailableError['reason']) {
    super(`the session could not be read: ${reason}`);
    this.name = 'LookupUnavailableError';
    this.reason = reason;
  }
}

const maxBatch = 200;
const maxReading = 2;
/** Statements that may start at once after a quiet time; under load they start this far apart, and each takes many ids with it. */
const burst = 10;
const spacingMs = 40;
/**
 * The same while hardly any id that is asked for exists: nobody but an attacker is in a hurry then. After a statement that took few
 * ids it is longer, so that the next takes more: an attack is a few statements, however fast or slow it is.
 */
const unknownSpacingMs = 120;
const fewUnknownSpacingMs = 300;
const fewUnknown = 50;
/**
 * Together they are more ids a second than a front end can be asked for: nothing tells an unknown id from a valid one before MySQL
 * does, so that a flood of the former must not make the look-up of the latter late. Rows that are not there cost little.
 */
const unknownBatch = 2000;
const unknownShare = 0.1;
const maxWaiting = 10_000;
const deadlineMs = 1500;

interface Waiting {
  readonly id: string;
  readonly resolve: (session: Session | undefined) => void;
  readonly reject: (error: LookupUnavailableError) => void;
  readonly since: number;
}

/** Callers who are told at once: answers to all of a flood together would make those late who ask for nothing from MySQL. */
const answeredPerTurn = 50;

function answerInTurns(waiting: readonly Waiting[], sessions: ReadonlyMap<string, Session>): void {
  for (const { id, resolve } of waiting.slice(0, answeredPerTurn)) resolve(sessions.get(id));
  const rest = waiting.slice(answeredPerTurn);
  if (rest.length > 0) setImmediate(answerInTurns, rest, sessions);
}

/** @param read many sessions by id in one statement */
export function createSessionLookups(
  read: (ids: readonly string[]) => Promise<Map<string, Session>>,
  onFailure: (error: unknown) => void,
): SessionLookups {
  let waiting: Waiting[] = [];
  let reading = 0;
  let currentSpacingMs = spacingMs;
  let currentBatch = maxBatch;
  /** Statements that may start now. Each spacing brings one more, up to the burst. */
  let credit = burst;
  let creditedAt = performance.now();
  let timer: NodeJS.Timeout | undefined;

  const schedule = (): void => {
    if (waiting.length === 0 || reading >= maxReading || timer !== undefined) return;
    const now = performance.now();
    credit = Math.min(burst, credit + (now - creditedAt) / currentSpacingMs);
    creditedAt = now;
    if (credit >= 1) return start();
    timer = setTimeout(
      () => {
        timer = undefined;
        start();
      },
      (1 - credit) * currentSpacingMs,
    );
  };

  const start = (): void => {
    const now = performance.now();
    const late = waiting.filter(({ since }) => now - since > deadlineMs);
    late.forEach(({ reject }) => reject(new LookupUnavailableError('deadline')));
    const inTime = late.length === 0 ? waiting : waiting.filter(({ since }) => now - since <= deadlineMs);
    const batch = inTime.slice(0, currentBatch);
    waiting = inTime.slice(currentBatch);
    if (batch.length === 0) return;
    reading++;
    credit--;
    read([...new Set(batch.map(({ id }) => id))])
      .then(
        (sessions) => {
          const areUnknown = sessions.size < batch.length * unknownShare;
          const forUnknownMs = batch.length < fewUnknown ? fewUnknownSpacingMs : unknownSpacingMs;
          currentSpacingMs = areUnknown ? forUnknownMs : spacingMs;
          currentBatch = areUnknown ? unknownBatch : maxBatch;
          answerInTurns(batch, sessions);
        },
        (error: unknown) => {
          onFailure(error);
          batch.forEach(({ reject }) => reject(new LookupUnavailableError('store_unavailable')));
        },
      )
      .finally(() => {
        reading--;
        schedule();
      });
    schedule();
  };

  return {
    find: (id) =>
      new Promise((resolve, reject) => {
        if (waiting.length >= maxWaiting) return reject(new LookupUnavailableError('overloaded'));
        waiting.push({ id, resolve, reject, since: performance.now() });
        schedule();
      }),
  };
}
