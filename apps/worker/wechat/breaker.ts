/**
 * Spares log-ins the wait for a WeChat that does not answer: when half of the last calls came to nothing, further ones are not made,
 * unless others have just been answered. After a pause a few try; if most of them succeed, all may call again
 * (docs/adr/0025-codes-and-callers.md).
 */
export interface Breaker {
  /**
   * @param about the user or code that the call is about: of several calls about one the last counts alone
   * @returns what to call with the result; undefined if the call must not be made
   */
  enter(about?: string): ((result: CallResult) => void) | undefined;
  state(): BreakerState;
}

/** `unknown`: it says nothing about WeChat. */
export type CallResult = 'good' | 'bad' | 'unknown';
export type BreakerState = 'closed' | 'open' | 'probing';

const lastCalls = 20;
const badToOpen = 10;
const pauseMs = 1000;
const maxProbes = 3;
/** Of as many good or bad probes, whichever comes first. */
const probesToDecide = 2;
/** Two different users or codes that were answered within this time: WeChat is there, whatever becomes of others. */
const recentMs = 2000;

export function createBreaker({
  nowMs = () => performance.now(),
  onChange = () => {},
}: { readonly nowMs?: () => number; readonly onChange?: (state: BreakerState) => void } = {}): Breaker {
  let state: BreakerState = 'closed';
  let openedAt = 0;
  /** The last calls, the oldest first. */
  let results: { readonly about: string | undefined; readonly isBad: boolean }[] = [];
  let bad = 0;
  let lastGood: { readonly about: string; readonly at: number } | undefined;
  /** When another one than the last was answered. */
  let otherGoodAt = Number.NEGATIVE_INFINITY;
  let probing = 0;
  /** Results of calls that began in an earlier state say nothing about this one. */
  let period = 0;

  const change = (to: BreakerState): void => {
    state = to;
    openedAt = nowMs();
    results = [];
    bad = 0;
    probing = 0;
    period++;
    onChange(to);
  };

  const remove = (index: number): void => {
    if (results.splice(index, 1)[0]?.isBad === true) bad--;
  };

  const count = (isBad: boolean, about: string | undefined): void => {
    const former = about === undefined ? -1 : results.findIndex((result) => result.about === about);
    if (former >= 0) remove(former);
    results.push({ about, isBad });
    if (isBad) bad++;
    if (results.length > lastCalls) remove(0);
    if (isBad || about === undefined) return;
    if (lastGood !== undefined && lastGood.about !== about) otherGoodAt = lastGood.at;
    lastGood = { about, at: nowMs() };
  };

  const judge = (): void => {
    if (state === 'closed' && bad >= badToOpen && nowMs() - otherGoodAt >= recentMs) change('open');
    else if (state === 'probing' && bad >= probesToDecide) change('open');
    else if (state === 'probing' && results.length - bad >= probesToDecide) change('closed');
  };

  return {
    state: () => state,
    enter(about) {
      if (state === 'open' && nowMs() - openedAt >= pauseMs) change('probing');
      if (state === 'open' || (state === 'probing' && probing >= maxProbes)) return undefined;
      if (state === 'probing') probing++;
      const entered = period;
      return (result) => {
        if (entered !== period) return;
        if (state === 'probing') probing--;
        if (result === 'unknown') return;
        count(result === 'bad', about);
        judge();
      };
    },
  };
}
