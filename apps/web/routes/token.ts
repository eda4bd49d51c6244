import type { Router } from '@koa/router';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { returnCodeOf } from '../../../shared/protocol/envelope.ts';
import { fail, toReasonToken, type Failure, type Outcome } from '../../../shared/protocol/outcome.ts';
import {
  parseRefusedToken,
  parseTokenVia,
  refusedTokenHeader,
  tokenPath,
  tokenViaHeader,
} from '../../../shared/protocol/token-service.ts';
import { chooseApp } from '../../../shared/session/app-settings.ts';
import type { Caller } from '../../../shared/store/caller-store.ts';
import { appNotNamed, appOfRequest, callerOf } from '../access/caller.ts';
import { sendAnswer, type Answer } from '../answer.ts';
import type { InterfaceDeps } from '../interfaces/interface.ts';
import { databaseFailure } from '../interfaces/store-failure.ts';
import { requestIdOf } from '../../../shared/http/request-id.ts';
import type { WebMetrics } from '../metrics.ts';

/** Of one caller, in each front end: far more than anybody needs who keeps a token until it ends. */
const handOuts = { points: 100, duration: 10 };

/**
 * GET /k/<key>/token?appid=…: the access token of an app for a caller who was let have it, as WeChat answers, so that it can be the
 * `WECHAT_TOKEN_URL` of another installation. Nobody comes here without a key: the gate sees to that.
 */
export function addToken({
  apps,
  ask,
  login,
  metrics,
}: Pick<InterfaceDeps, 'apps' | 'ask' | 'login'> & { readonly metrics: WebMetrics }): (router: Router) => void {
  const limiter = new RateLimiterMemory(handOuts);
  const isLimited = ({ name }: Caller) =>
    limiter.consume(name).then(
      () => false,
      () => true,
    );

  const fetchToken = async (
    caller: Caller,
    named: unknown,
    headers: { readonly via: string; readonly refused: string },
    requestId: string,
  ): Promise<Outcome | typeof appNotNamed> => {
    const requested = appOfRequest(named, caller);
    if (requested === appNotNamed) return appNotNamed;
    const via = parseTokenVia(headers.via);
    if (via === undefined) return fail('wechatUnreachable', 'token_loop');
    try {
      const app = chooseApp(await apps.current(), requested);
      if (app === undefined) return fail('noApp');
      const { appid } = app;
      const refused = parseRefusedToken(headers.refused);
      const request = { appid, caller: caller.name, via, ...(refused === undefined ? {} : { refused }) };
      return await ask('token', request, { shardKey: appid, timeoutMs: login.deadlineMs, requestId });
    } catch (error) {
      return databaseFailure(error);
    }
  };

  return (router) =>
    router.get(tokenPath, async (context) => {
      const started = performance.now();
      const caller = callerOf(context) as Caller;
      context.set('Cache-Control', 'no-store');
      if (await isLimited(caller)) return sendAnswer(context, answerWith(429, 'limited', 'Retry-After', '10'));
      const { appid } = context.query;
      const headers = { via: context.get(tokenViaHeader), refused: context.get(refusedTokenHeader) };
      const outcome = await fetchToken(caller, appid === '' ? undefined : appid, headers, requestIdOf(context));
      if (outcome === appNotNamed) return sendAnswer(context, answerWith(400, 'app_not_named'));
      metrics.answered('token', returnCodeOf(outcome), (performance.now() - started) / 1000);
      return sendAnswer(context, outcome.ok ? { status: 200, body: outcome.dataJson } : toAnswer(outcome));
    });
}

/** A refusal of WeChat is passed on as WeChat's: who asks acts on its errcode. */
function toAnswer({ failure, reason = 'unknown' }: Failure): Answer {
  if (failure === 'noApp') return answerWith(404, 'unknown_app');
  if (failure === 'unknownInterface') return answerWith(404, reason);
  const errcode = /^wechat:(-?\d+)$/.exec(reason)?.[1];
  if (errcode !== undefined)
    return { status: 200, reason, body: `{"errcode":${errcode},"errmsg":"refused by WeChat"}` };
  if (reason === 'token_loop') return answerWith(508, reason);
  return answerWith(503, reason, 'Retry-After', '1');
}

function answerWith(status: number, cause: string, ...headers: string[]): Answer {
  const reason = toReasonToken(cause);
  return { status, reason, headers, body: `{"error":"${reason}"}` };
}
