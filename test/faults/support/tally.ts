/** Before the fault, while it lasts, after it has ended; a request belongs to where it was sent. */
type Phase = 'before' | 'during' | 'after';

/** `login`; `check` of a session that is valid; `probe`: a check of one that is not. */
export type Kind = 'login' | 'check' | 'probe';

/** What became of the requests of one kind in one phase. */
export interface Counts {
  sent: number;
  ok: number;
  /** Clear errors by code and reason: `1006 store_unavailable`. */
  readonly errors: Map<string, number>;
  /** Their connection broke. */
  cut: number;
  unanswered: number;
  slowestMs: number;
}

export interface Tally {
  readonly counts: Readonly<Record<Kind, Readonly<Record<Phase, Counts>>>>;
  /** Answers that must never be given, in words. */
  readonly wrong: string[];
  /** From the end of the fault to the last request that was sent and did not succeed; 0 if all did. */
  readonly recoveryMs: number;
}

export type Verdict =
  | { readonly kind: 'ok' | 'cut' | 'unanswered' }
  | { readonly kind: 'error'; readonly code: string }
  | { readonly kind: 'wrong'; readonly what: string };

/** Counts as requests end. */
export interface Tallier {
  readonly tally: Tally;
  phase: Phase;
  /** The fault has ended. */
  lift(): void;
  /** For so many milliseconds nothing that was sent has failed, and log-ins have succeeded. */
  isWellFor(ms: number): boolean;
  sent(kind: Kind): (verdict: Verdict) => void;
}

const emptyCounts = (): Counts => ({ sent: 0, ok: 0, errors: new Map(), cut: 0, unanswered: 0, slowestMs: 0 });
const emptyPhases = () => ({ before: emptyCounts(), during: emptyCounts(), after: emptyCounts() });

export function createTallier(): Tallier {
  const tally = {
    counts: { login: emptyPhases(), check: emptyPhases(), probe: emptyPhases() },
    wrong: [] as string[],
    recoveryMs: 0,
  };
  let liftedAt: number | undefined;
  let lastFailureAt = Number.NEGATIVE_INFINITY;
  let lastLoginAt = Number.NEGATIVE_INFINITY;
  const tallier: Tallier = {
    tally,
    phase: 'before',
    lift() {
      tallier.phase = 'after';
      liftedAt = performance.now();
    },
    isWellFor: (ms) => performance.now() - lastFailureAt > ms && performance.now() - lastLoginAt < ms,
    sent(kind) {
      const sentAt = performance.now();
      const counts = tally.counts[kind][tallier.phase];
      const isAfter = liftedAt !== undefined;
      counts.sent++;
      return (verdict) => {
        counts.slowestMs = Math.max(counts.slowestMs, performance.now() - sentAt);
        if (verdict.kind === 'ok') {
          counts.ok++;
          if (kind === 'login') lastLoginAt = Math.max(lastLoginAt, sentAt);
          return;
        }
        lastFailureAt = Math.max(lastFailureAt, sentAt);
        if (isAfter) tally.recoveryMs = Math.max(tally.recoveryMs, sentAt - (liftedAt as number));
        if (verdict.kind === 'error') counts.errors.set(verdict.code, (counts.errors.get(verdict.code) ?? 0) + 1);
        else if (verdict.kind === 'wrong') tally.wrong.push(verdict.what);
        else counts[verdict.kind]++;
      };
    },
  };
  return tallier;
}

/** All phases of a kind as one. */
export function total({ counts }: Tally, kind: Kind): Counts {
  const sum = emptyCounts();
  for (const phase of Object.values(counts[kind])) {
    sum.sent += phase.sent;
    sum.ok += phase.ok;
    sum.cut += phase.cut;
    sum.unanswered += phase.unanswered;
    sum.slowestMs = Math.max(sum.slowestMs, phase.slowestMs);
    for (const [code, count] of phase.errors) sum.errors.set(code, (sum.errors.get(code) ?? 0) + count);
  }
  return sum;
}

export function errorCount(counts: Counts): number {
  return [...counts.errors.values()].reduce((sum, count) => sum + count, 0);
}
