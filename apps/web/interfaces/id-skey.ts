import { isDeepStrictEqual } from 'node:util';
import { fail, type Outcome } from '../../../shared/protocol/outcome.ts';
import { wechatCode } from '../../../shared/protocol/wechat-code.ts';
import { createInFlight } from '../../../shared/async/in-flight.ts';
import type { LoginRequest } from '../../../shared/rpc/contract.ts';
import { chooseApp } from '../../../shared/session/app-settings.ts';
import type { Interface, InterfaceDeps, RequestContext } from './interface.ts';
import { createParameterReader } from './parameter-reader.ts';
import { idSkey, idSkeyWithUserData } from './schemas/login.ts';
import { readSigned } from './signed.ts';
import { loginFailure } from './store-failure.ts';
import { tellCaller } from './tell-caller.ts';

/**
 * qcloud.cam.id_skey: log in (docs/protocol.md#log-in). A worker does it; here the request is checked and its answer
 * awaited.
 */
export function createIdSkey({ apps, ask, login, loginFailed }: InterfaceDeps): Interface {
  const readPara = createParameterReader(login.requiresUserData ? idSkeyWithUserData : idSkey.para);
  /** Identical requests share one question. By code: a different request with the same code is asked for itself. */
  const asking = createInFlight<string, Asking>();

  return async (para, context) => {
    const started = performance.now();
    const facts: Facts = {};
    const outcome = await logIn(para, context, facts);
    if (!outcome.ok) {
      const { requestId, caller } = context;
      loginFailed(outcome, { requestId, ...facts, caller: caller?.name, ms: Math.round(performance.now() - started) });
    }
    return outcome;
  };

  async function logIn(
    para: unknown,
    { requestId, requestedAppid, caller }: RequestContext,
    facts: Facts,
  ): Promise<Outcome> {
    const parameters = readPara(para);
    if (parameters === undefined) return fail('parameterError');
    try {
      const app = chooseApp(await apps.current(), requestedAppid);
      if (app === undefined) return fail('noApp');
      facts.appid = app.appid;
      const { code } = parameters;
      if (typeof code !== 'string' || code === '') return fail('codeRefused', 'code_empty');
      if (!wechatCode.test(code)) return fail('codeRefused', 'code_invalid');
      const request = toLoginRequest(app.appid, code, parameters, caller);
      const shardKey = `${app.appid}\0${code}`;
      const known = asking.get(shardKey);
      if (known !== undefined && isDeepStrictEqual(known.request, request)) return await known.answer;
      const answer = ask('login', request, { shardKey, timeoutMs: login.deadlineMs, requestId });
      if (known !== undefined) return await answer;
      asking.add(shardKey, { request, answer });
      return await answer.finally(() => asking.take(shardKey));
    } catch (error) {
      return loginFailure(error);
    }
  }
}

/** What the log says of a log-in, as far as it came. */
interface Facts {
  appid?: string;
}

interface Asking {
  readonly request: LoginRequest;
  readonly answer: Promise<Outcome>;
}

type Parameters = Readonly<Record<'encrypt_data' | 'iv' | 'rawData' | 'signature', unknown>>;

function toLoginRequest(
  appid: string,
  code: string,
  parameters: Parameters,
  caller: RequestContext['caller'],
): LoginRequest {
  const { encrypt_data: encryptData, iv } = parameters;
  return {
    appid,
    code,
    ...(encryptData === undefined ? {} : { userData: iv === undefined ? { encryptData } : { encryptData, iv } }),
    ...readSigned(parameters),
    ...tellCaller(caller),
  };
}
