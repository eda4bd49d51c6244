import type { AppUser } from '../../../shared/rpc/ledger-keys.ts';
import type { Refused } from './answer.ts';
import type { Alerts } from './alerts.ts';
import { shed, type WechatBreakers } from './breakers.ts';

/** Which call it is, and for whom. WeChat counts its quotas by call. */
interface WechatSubject {
  readonly appid: string;
  readonly api: WechatApi;
  /** undefined where the user is not known before the call. */
  readonly openId?: string;
  /** A code, whose user is not known yet. */
  readonly code?: string;
  /** The name of the caller who wants it, if it has one. */
  readonly caller?: string | undefined;
}

/** What a call is called in logs and metrics, such as `code2session`. */
export type WechatApi = string;

/** Stands before every call to WeChat: counts it, raises alerts, and asks no more for a while where WeChat said that it is too often or
 * does not answer. */
export interface WechatWatch {
  /** @returns what `call` returns; without calling, the errcode that WeChat gave before, or that it does not answer */
  ask<Answer extends { readonly kind: string }>(
    subject: WechatSubject,
    call: () => Promise<Answer>,
  ): Promise<Answer | Refused | typeof shed>;
  /** Drops what is known of a user; what WeChat said of the user's app stays. */
  forget(user: AppUser): void;
}

/** 45009: the app's quota of this call. 45011: too often for this user. */
const appQuota = '45009';
const userQuota = '45011';
const pauseMs = 60_000;
const maxPauses = 100_000;

/** Each process finds out for itself: that costs WeChat one call, and the calls in between nothing. */
export function createWechatWatch({
  alerts,
  breakers,
  onAnswer,
  nowMs = () => performance.now(),
}: {
  readonly alerts: Alerts;
  readonly breakers: WechatBreakers;
  readonly onAnswer: (api: WechatApi, answer: { readonly kind: string }, seconds: number) => void;
  readonly nowMs?: () => number;
}): WechatWatch {
  /** Until when, by whom it is about; the oldest first. */
  const pauses = new Map<string, { readonly errcode: string; readonly until: number }>();

  const findPause = ({ appid, api, openId }: WechatSubject): Refused | undefined => {
    const keys = [keyOf(appid, api), ...(openId === undefined ? [] : [keyOf(appid, api, openId)])];
    for (const key of keys) {
      const pause = pauses.get(key);
      if (pause !== undefined && nowMs() < pause.until) return { kind: 'refused', errcode: pause.errcode };
      pauses.delete(key);
    }
    return undefined;
  };

  const pause = (key: string, errcode: string) => {
    pauses.delete(key);
    pauses.set(key, { errcode, until: nowMs() + pauseMs });
    const [oldest] = pauses.keys();
    if (pauses.size > maxPauses && oldest !== undefined) pauses.delete(oldest);
  };

  const note = ({ appid, api, openId }: WechatSubject, errcode: string) => {
    alerts.note(appid, api, errcode);
    if (errcode === appQuota) pause(keyOf(appid, api), errcode);
    if (errcode === userQuota && openId !== undefined) pause(keyOf(appid, api, openId), errcode);
  };

  return {
    forget({ appid, openId }) {
      for (const key of pauses.keys())
        if (key.startsWith(`${appid}\0`) && key.endsWith(`\0${openId}`)) pauses.delete(key);
      breakers.forget(openId);
    },
    async ask(subject, call) {
      const paused = findPause(subject);
      if (paused !== undefined) return paused;
      const settle = breakers.enter(subject.appid, subject.api, subject);
      if (settle === undefined) {
        onAnswer(subject.api, shed, 0);
        return shed;
      }
      const startedAt = performance.now();
      let answer;
      try {
        answer = await call();
      } catch (error) {
        settle(undefined);
        throw error;
      }
      settle(answer);
      onAnswer(subject.api, answer, (performance.now() - startedAt) / 1000);
      if (answer.kind === 'refused') note(subject, (answer as unknown as Refused).errcode);
      else if (answer.kind !== 'unreachable' && answer.kind !== 'invalid')
        alerts.note(subject.appid, subject.api, undefined);
      return answer;
    },
  };
}

function keyOf(...parts: readonly string[]): string {
  return parts.join('\0');
}
