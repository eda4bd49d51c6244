import type { Log } from '../../../shared/log/log.ts';
import { createBreaker, type Breaker, type BreakerState, type CallResult } from './breaker.ts';

/** A breaker for each app and call: WeChat may fail one app, or one address, and not the others. */
export interface WechatBreakers {
  /** @returns what to call with the answer, or with undefined if there is none; undefined if the call must not be made */
  enter(appid: string, api: string): ((answer: Answer | undefined) => void) | undefined;
}

interface Answer {
  readonly kind: string;
}

/** The answer in the place of a call that was not made. */
export const shed = { kind: 'unreachable', reason: 'wechat_breaker' } as const;

export function isShed(answer: Answer): boolean {
  return answer.kind === shed.kind && (answer as { readonly reason?: string }).reason === shed.reason;
}

/**
 * @param timeoutMs of one call, as a rule
 * @param onOpen how many apps have this call's breaker open or probing at present
 */
export function createBreakers(
  timeoutMs: number,
  log: Log,
  onOpen: (api: string, count: number) => void,
): WechatBreakers {
  const breakers = new Map<string, { readonly api: string; readonly breaker: Breaker }>();

  const report = (appid: string, api: string, state: BreakerState) => {
    if (state === 'closed') log.info({ appid, api }, 'WeChat answers again');
    if (state === 'open') log.warn({ appid, api }, 'WeChat does not answer: circuit open, probing once a second');
    const ofApi = [...breakers.values()].filter((each) => each.api === api);
    onOpen(api, ofApi.filter(({ breaker }) => breaker.state() !== 'closed').length);
  };

  const breakerOf = (appid: string, api: string): Breaker => {
    const key = `${appid}\0${api}`;
    const known = breakers.get(key);
    if (known !== undefined) return known.breaker;
    const breaker = createBreaker({ onChange: (state) => report(appid, api, state) });
    breakers.set(key, { api, breaker });
    return breaker;
  };

  return {
    enter(appid, api) {
      const settle = breakerOf(appid, api).enter();
      const startedAt = performance.now();
      return settle && ((answer) => settle(judge(answer, performance.now() - startedAt, timeoutMs)));
    },
  };
}

/** No call takes so much longer than its time-out, unless this process stood still and its answer lies there unread. */
const stoodStillMs = 1000;

/** A refusal with an errcode is an answer. A time-out says nothing if the call had much less time than calls have. */
function judge(answer: Answer | undefined, tookMs: number, timeoutMs: number): CallResult {
  if (answer === undefined) return 'unknown';
  if (answer.kind === 'invalid') return 'bad';
  if (answer.kind !== 'unreachable') return 'good';
  if (tookMs > timeoutMs + stoodStillMs) return 'unknown';
  const isTimeout = (answer as { readonly reason?: string }).reason === 'wechat_timeout';
  return isTimeout && tookMs < timeoutMs / 2 ? 'unknown' : 'bad';
}
