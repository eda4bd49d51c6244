import type { Log } from '../../../shared/log/log.ts';
import { shed } from '../../../shared/wechat/watch.ts';
import { createBreaker, type Breaker, type BreakerState, type CallResult } from './breaker.ts';

/**
 * A breaker for each app, call and caller: WeChat may fail one app, or one address, and not the others; and what one caller sends decides
 * for nobody else.
 */
export interface WechatBreakers {
  /** @returns what to call with the answer, or with undefined if there is none; undefined if the call must not be made */
  enter(appid: string, api: string, whose?: Whose): ((answer: Answer | undefined) => void) | undefined;
}

/** Whom a call is about, as far as that is known (a fingerprint of the user, or a code), and who wants it. */
interface Whose {
  readonly openId?: string;
  readonly code?: string;
  readonly caller?: string | undefined;
}

interface Answer {
  readonly kind: string;
}

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
  const breakers = new Map<string, { readonly appid: string; readonly api: string; readonly breaker: Breaker }>();

  const report = (appid: string, api: string, caller: string | undefined, state: BreakerState) => {
    if (state === 'closed') log.info({ appid, api, caller }, 'WeChat answers again');
    if (state === 'open')
      log.warn({ appid, api, caller }, 'WeChat does not answer: circuit open, probing once a second');
    const open = [...breakers.values()].filter((each) => each.api === api && each.breaker.state() !== 'closed');
    onOpen(api, new Set(open.map((each) => each.appid)).size);
  };

  const breakerOf = (appid: string, api: string, caller: string | undefined): Breaker => {
    const key = caller === undefined ? `${appid}\0${api}` : `${appid}\0${api}\0${caller}`;
    const known = breakers.get(key);
    if (known !== undefined) return known.breaker;
    const breaker = createBreaker({ onChange: (state) => report(appid, api, caller, state) });
    breakers.set(key, { appid, api, breaker });
    return breaker;
  };

  return {
    enter(appid, api, whose) {
      const settle = breakerOf(appid, api, whose?.caller).enter(whose?.openId ?? whose?.code);
      const startedAt = performance.now();
      return settle && ((answer) => settle(judge(answer, performance.now() - startedAt, timeoutMs)));
    },
  };
}

/** No call takes so much longer than its time-out, unless this process stood still and its answer lies there unread. */
const stoodStillMs = 1000;

/** A 4xx is about the one request. */
const aboutRequest = /^wechat_http_4\d\d$/;

/** A refusal with an errcode is an answer. A time-out says nothing if the call had much less time than calls have. */
function judge(answer: Answer | undefined, tookMs: number, timeoutMs: number): CallResult {
  if (answer === undefined) return 'unknown';
  if (answer.kind === 'invalid') return 'bad';
  if (answer.kind !== 'unreachable') return 'good';
  const { reason = '' } = answer as { readonly reason?: string };
  if (aboutRequest.test(reason)) return 'unknown';
  if (tookMs > timeoutMs + stoodStillMs) return 'unknown';
  return reason === 'wechat_timeout' && tookMs < timeoutMs / 2 ? 'unknown' : 'bad';
}
