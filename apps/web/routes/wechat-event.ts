import { METHODS } from 'node:http';
import type { Router } from '@koa/router';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { describeError, type Log } from '../../../shared/log/log.ts';
import { toReasonToken } from '../../../shared/protocol/outcome.ts';
import { chooseApp } from '../../../shared/session/app-settings.ts';
import type { Caller } from '../../../shared/store/caller-store.ts';
import { appNotNamed, appOfRequest, callerOf } from '../access/caller.ts';
import { sendAnswer, sendError } from '../answer.ts';
import { workerTimeoutMs, type InterfaceDeps } from '../interfaces/interface.ts';
import { writeFailure } from '../interfaces/store-failure.ts';
import { endConnectionAfter } from '../middleware/ending-connection.ts';
import { readRawBody } from '../middleware/raw-body.ts';
import { requestIdOf } from '../../../shared/http/request-id.ts';
import { readWechatEvent, type WechatEvent } from './read-wechat-event.ts';

export const wechatEventPath = '/wechat-event';
/** What a caller has to be granted. */
export const wechatEventPermission = 'wechat-event';
/** Of one caller, in each front end: far more than people take something back. */
const orders = { points: 100, duration: 10 };
/** WeChat's have less than one. */
const maxEventBytes = 16_384;

/**
 * Where the back end that has WeChat's push address passes events on, as they came: what a user takes back is erased. The answer is the one
 * that WeChat wants, `success`, so that the back end can hand it back. Nobody comes here without a key: the gate sees to that.
 */
export function addWechatEvent({
  apps,
  ask,
  log,
}: Pick<InterfaceDeps, 'apps' | 'ask'> & { readonly log: Log }): (router: Router) => void {
  const limiter = new RateLimiterMemory(orders);
  const isLimited = ({ name }: Caller): Promise<boolean> =>
    limiter.consume(name).then(
      () => false,
      () => true,
    );
  /** @returns why it could not be done; undefined: done, or nothing to do */
  const carryOut = async (
    { appid, openId, event, parts }: WechatEvent,
    caller: Caller,
    requestId: string,
  ): Promise<string | undefined> => {
    const requested = appOfRequest(appid, caller);
    if (requested === appNotNamed) return 'app_not_named';
    const app = chooseApp(await apps.current(), requested);
    if (app === undefined) return 'unknown_app';
    for (const part of parts) {
      const outcome = await ask(
        'wechatEvent',
        { appid: app.appid, openId, event, part, caller: caller.name },
        { shardKey: openId, timeoutMs: workerTimeoutMs, requestId },
      );
      if (!outcome.ok) return outcome.reason ?? 'store_unavailable';
    }
    return undefined;
  };
  const tryToCarryOut = async (event: WechatEvent, caller: Caller, requestId: string): Promise<string | undefined> => {
    try {
      return await carryOut(event, caller, requestId);
    } catch (error) {
      return writeFailure(error).reason ?? 'store_unavailable';
    }
  };

  return (router) =>
    router.register(wechatEventPath, METHODS, async (context) => {
      const caller = callerOf(context) as Caller;
      if (context.method !== 'POST') {
        context.set('Allow', 'POST');
        return sendError(context, 405, 'method_not_allowed');
      }
      const body = await new Promise<Buffer | 'too-large' | 'aborted'>((resolve) =>
        readRawBody(context.req, maxEventBytes, (read) => {
          if (read === 'too-large') endConnectionAfter(context.res);
          resolve(read);
        }),
      );
      if (body === 'too-large') return sendError(context, 413, 'body_too_large');
      if (body === 'aborted') return undefined;
      const event = readWechatEvent(body);
      if (typeof event === 'string') return sendError(context, 400, event);
      if (event.parts.length > 0 && (await isLimited(caller))) {
        context.set('Retry-After', '10');
        return sendError(context, 429, 'limited');
      }
      const fault = await tryToCarryOut(event, caller, requestIdOf(context)).catch((error: unknown) => {
        log.error({ requestId: requestIdOf(context), err: describeError(error) }, 'bug: request failed');
        return 'internal';
      });
      if (fault === undefined) {
        context.type = 'text/plain';
        context.body = 'success';
        return undefined;
      }
      const status = { unknown_app: 400, app_not_named: 400, internal: 500 }[fault] ?? 503;
      const reason = toReasonToken(fault);
      return sendAnswer(context, { status, reason, body: `{"error":"${reason}"}` });
    });
}
