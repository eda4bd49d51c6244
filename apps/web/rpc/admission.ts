/**
 * Decides whether one more call may wait for a worker. A caller who would wait in vain is told so at once, and the queue stays
 * short enough that every call that is let in is answered in time (docs/adr/0015-admission.md).
 *
 * Each front end has its own and learns from its own answers alone: workers say how long a call lay in the queue. While calls lie
 * there, the rate of answers is this front end's share of what the workers can do, and by Little's law rate × time is how many
 * calls may wait. While they don't, the rate says nothing about the capacity, and the limit grows as it is used.
 */
export interface Admission {
  /**
   * A place among those that wait; undefined if the call would wait too long.
   * @param key whose call it is: when places are short, nobody gets all of them
   * @param share of the places that calls of this sort may fill; the rest is for the others
   */
  enter(key: string, share?: number): Place | undefined;
  /** Calls that may wait at present. */
  limit(): number;
  waiting(): number;
}

/** To be left once, by one of these. */
export interface Place {
  /** A worker answered. @param queuedMs how long the call lay in the queue; undefined if the worker did not say */
  answered(queuedMs: number | undefined): void;
  /** A worker answered that it is too late for this call. */
  answeredLate(): void;
  /** Nobody answered in time. */
  unanswered(): void;
  /** It came to nothing, for a reason that tells nothing about the queue. */
  left(): void;
}

export interface AdmissionOptions {
  /** How long a call may lie in the queue. */
  readonly maxQueuedMs: number;
  /** How long it may take altogether: a slow WeChat shortens the queue. */
  readonly maxTotalMs: number;
  readonly nowMs?: () => number;
}

/** Before anything is known. Enough for 50 log-ins a second while WeChat takes 4.5 s, so that its bad days need no learning. */
const initialLimit = 256;
const minLimit = 4;
const maxLimit = 10_000;
/** With the workers silent, so many calls try whether they are back. */
const probes = 2;
const unansweredToStall = 3;
/** A key may hold up to 8 times the free places: one alone gets 8/9 of all, two get 8/17 each, and one place is always left. */
const fairShare = 8;
const windowMs = 250;
const windowAnswers = 10;
const maxWindowMs = 2000;
/** Calls that lay in the queue longer than this share of what is allowed mean that the workers are busy. */
const busyShare = 0.25;
const growth = 1.5;
/** One bad moment must not empty the queue. */
const maxShrink = 0.5;
/** Added each time, so that front ends with few places and with many come to have the same. */
const step = 2;

export function createAdmission({
  maxQueuedMs,
  maxTotalMs,
  nowMs = () => performance.now(),
}: AdmissionOptions): Admission {
  let limit = initialLimit;
  let waiting = 0;
  const waitingOf = new Map<string, number>();
  let answeredAt = Number.NEGATIVE_INFINITY;
  /** Calls in a row that heard nothing and saw nobody else be answered as long as they waited. */
  let silent = 0;
  let grownAt = Number.NEGATIVE_INFINITY;
  let window = openWindow(nowMs());

  const adapt = (now: number): void => {
    const { startedAt, answers, expired, queuedMs, servedMs, mostWaiting, firstSince } = window;
    const samples = answers + expired;
    const elapsedMs = now - startedAt;
    if (elapsedMs < maxWindowMs && (samples < windowAnswers || elapsedMs < windowMs)) return;
    window = openWindow(now);
    const perMs = answers / elapsedMs;
    const serviceMs = servedMs / Math.max(answers, 1);
    if (queuedMs / samples >= maxQueuedMs * busyShare) {
      const queueMs = Math.max(Math.min(maxQueuedMs, maxTotalMs - serviceMs), 0);
      const fits = Math.floor(perMs * (serviceMs + queueMs)) + step;
      limit = Math.min(Math.max(fits, Math.floor(limit * maxShrink), minLimit), maxLimit);
      return;
    }
    const isUsed = mostWaiting >= limit / 2;
    // A queue that has just come into being shows here before any call has lain in it.
    const isQueueLong = waiting > perMs * (serviceMs + maxQueuedMs);
    // Not again before calls that came after it have been answered: until then nobody knows what it did.
    if (isUsed && !isQueueLong && firstSince >= grownAt) {
      grownAt = now;
      limit = Math.min(Math.ceil(limit * growth), maxLimit);
    }
  };

  const hear = (now: number): void => {
    answeredAt = now;
    if (silent >= unansweredToStall) limit = Math.max(limit, initialLimit);
    silent = 0;
  };

  const noteExpired = (since: number, now: number): void => {
    window.expired++;
    window.queuedMs += now - since;
    adapt(now);
  };

  return {
    enter(key, share = 1) {
      const own = waitingOf.get(key) ?? 0;
      if (own >= fairShare * (limit * share - waiting)) return undefined;
      const since = nowMs();
      // Idle time says nothing about how fast the workers are.
      if (waiting === 0) window = openWindow(since);
      waitingOf.set(key, own + 1);
      waiting++;
      window.mostWaiting = Math.max(window.mostWaiting, waiting);
      const left = () => {
        waiting--;
        const others = (waitingOf.get(key) ?? 1) - 1;
        if (others === 0) waitingOf.delete(key);
        else waitingOf.set(key, others);
      };
      return {
        left,
        answered(queuedMs) {
          left();
          const now = nowMs();
          hear(now);
          if (queuedMs === undefined) return;
          window.answers++;
          window.queuedMs += queuedMs;
          window.servedMs += Math.max(now - since - queuedMs, 0);
          window.firstSince = Math.min(window.firstSince, since);
          adapt(now);
        },
        answeredLate() {
          left();
          const now = nowMs();
          hear(now);
          noteExpired(since, now);
        },
        unanswered() {
          left();
          noteExpired(since, nowMs());
          if (answeredAt >= since) return;
          silent++;
          if (silent >= unansweredToStall) limit = Math.min(limit, probes);
        },
      };
    },
    limit: () => limit,
    waiting: () => waiting,
  };
}

function openWindow(startedAt: number) {
  return {
    startedAt,
    answers: 0,
    expired: 0,
    /** Sums over the calls that ended. */
    queuedMs: 0,
    servedMs: 0,
    mostWaiting: 0,
    /** When the first of them came. */
    firstSince: Number.POSITIVE_INFINITY,
  };
}
