import { limitedUserOf } from '../../../shared/rpc/ledger-keys.ts';
import type { Seal } from '../../../shared/rpc/seal.ts';
import type { Refused } from '../../../shared/wechat/answer.ts';
import { shed, type WechatApi, type WechatSubject, type WechatWatch } from '../../../shared/wechat/watch.ts';
import type { Alerts } from './alerts.ts';
import type { WechatBreakers } from './breakers.ts';

/** 45009: the app's quota of this call. 45011: too often for this user. */
const appQuota = '45009';
const userQuota = '45011';
const pauseMs = 60_000;
const maxPauses = 100_000;

/**
 * Each process finds out for itself: that costs WeChat one call, and the calls in between nothing. Users are remembered by fingerprints, and no
 * erasure of a user makes it ask again.
 */
export function createWechatWatch({
  alerts,
  breakers,
  onAnswer,
  seal,
  nowMs = () => performance.now(),
}: {
  readonly alerts: Alerts;
  readonly breakers: WechatBreakers;
  readonly onAnswer: (api: WechatApi, answer: { readonly kind: string }, seconds: number) => void;
  readonly seal: Seal;
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
    async ask({ openId, ...rest }, call) {
      const { appid } = rest;
      const subject = openId === undefined ? rest : { ...rest, openId: limitedUserOf(seal, { appid, openId }) };
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
