/**
 * Spares log-ins the wait for a WeChat that does not answer: when half of the last calls came to nothing, further ones are not made.
 * After a pause a few try; if most of them succeed, all may call again (docs/adr/0016-wechat-breaker.md).
 */
export interface Breaker {
  /** @returns what to call with the result; undefined if the call must not be made */
  enter(): ((result: CallResult) => void) | undefined;
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

export function createBreaker({
  nowMs = () => performance.now(),
  onChange = () => {},
}: { readonly nowMs?: () => number; readonly onChange?: (state: BreakerState) => void } = {}): Breaker {
  let state: BreakerState = 'closed';
  let openedAt = 0;
  /** The last calls, the oldest first; true: bad. */
  let results: boolean[] = [];
  let bad = 0;
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

  const count = (isBad: boolean): void => {
    results.push(isBad);
    if (isBad) bad++;
    if (results.length > lastCalls && results.shift() === true) bad--;
  };

  const judge = (): void => {
    if (state === 'closed' && bad >= badToOpen) change('open');
    else if (state === 'probing' && bad >= probesToDecide) change('open');
    else if (state === 'probing' && results.length - bad >= probesToDecide) change('closed');
  };

  return {
    state: () => state,
    enter() {
      if (state === 'open' && nowMs() - openedAt >= pauseMs) change('probing');
      if (state === 'open' || (state === 'probing' && probing >= maxProbes)) return undefined;
      if (state === 'probing') probing++;
      const entered = period;
      return (result) => {
        if (entered !== period) return;
        if (state === 'probing') probing--;
        if (result === 'unknown') return;
        count(result === 'bad');
        judge();
      };
    },
  };
}
