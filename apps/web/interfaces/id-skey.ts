import { isDeepStrictEqual } from 'node:util';
import { fail, type Failure, type Outcome } from '../../../shared/protocol/outcome.ts';
import { wechatCode } from '../../../shared/protocol/wechat-code.ts';
import { createInFlight } from '../../../shared/async/in-flight.ts';
import type { LoginRequest } from '../../../shared/rpc/contract.ts';
import { chooseApp } from '../../../shared/session/app-settings.ts';
import { parseClientIp, parseDevice } from '../../../shared/session/device.ts';
import type { App } from '../../../shared/store/app-reader.ts';
import { appResultOf } from './app-result.ts';
import type { Interface, InterfaceDeps, RequestContext } from './interface.ts';
import { createParameterReader } from './parameter-reader.ts';
import { idSkey, idSkeyWithUserData } from './schemas/login.ts';
import { readSigned } from './signed.ts';
import { writeFailure } from './store-failure.ts';
import { fromCaller } from './from-caller.ts';

/**
 * qcloud.cam.id_skey: log in (docs/protocol.md#log-in). A worker does it; here the request is checked and its answer
 * awaited.
 */
export function createIdSkey({ apps, ask, login, loginFailed, metrics }: InterfaceDeps): Interface {
  const readPara = createParameterReader(login.requiresUserData ? idSkeyWithUserData : idSkey.para);
  /** Identical requests share one question. By code: a different request with the same code is asked for itself. */
  const asking = createInFlight<string, Asking>();

  return async (para, context) => {
    const started = performance.now();
    const facts: Facts = {};
    const outcome = await logIn(para, context, facts, started);
    if (!outcome.ok) {
      const { requestId, caller, span } = context;
      const ms = Math.round(performance.now() - started);
      loginFailed(outcome, { requestId, traceId: span?.traceId, ...facts, caller: caller?.name, ms });
    }
    return outcome;
  };

  async function logIn(
    para: unknown,
    { requestId, requestedAppid, caller, span }: RequestContext,
    facts: Facts,
    started: number,
  ): Promise<Outcome> {
    const parameters = readPara(para);
    if (parameters === undefined) return fail('parameterError');
    try {
      const configured = await apps.current();
      const app = chooseApp(configured, requestedAppid);
      if (app === undefined) return fail('noApp');
      facts.appid = app.appid;
      span?.set({ 'wafer.appid': app.appid });
      const outcome = await askFor(app, parameters, { requestId, caller, span }, started).catch(writeFailure);
      metrics.loggedIn(configured, app.appid, appResultOf(outcome));
      return outcome;
    } catch (error) {
      return writeFailure(error);
    }
  }

  async function askFor(
    app: App,
    parameters: Parameters,
    { requestId, caller, span }: Pick<RequestContext, 'requestId' | 'caller' | 'span'>,
    started: number,
  ): Promise<Outcome> {
    const { code } = parameters;
    if (typeof code !== 'string' || code === '') return fail('codeRefused', 'code_empty');
    if (!wechatCode.test(code)) return fail('codeRefused', 'code_invalid');
    const kept = readKept(app, parameters);
    if ('ok' in kept) return kept;
    const request = toLoginRequest(app.appid, code, parameters, kept, caller);
    const shardKey = `${app.appid}\0${code}`;
    const known = asking.get(shardKey);
    if (known !== undefined && isDeepStrictEqual(known.request, request)) return known.answer;
    metrics.admittedLogin((performance.now() - started) / 1000);
    const answer = ask('login', request, { shardKey, timeoutMs: login.deadlineMs, requestId, span });
    if (known !== undefined) return answer;
    asking.add(shardKey, { request, answer });
    return answer.finally(() => asking.take(shardKey));
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

type Parameters = Readonly<
  Record<'code' | 'encrypt_data' | 'iv' | 'rawData' | 'signature' | 'device' | 'client_ip', unknown>
>;

type Kept = Pick<LoginRequest, 'device' | 'clientIp'>;

/** What is to be kept of the device and the address: nothing is looked at that the app does not keep. */
function readKept(
  { keepsDevice, keepsClientIp }: App,
  { device: sentDevice, client_ip: sentIp }: Parameters,
): Kept | Failure {
  const device = keepsDevice === true && sentDevice !== undefined ? parseDevice(sentDevice) : undefined;
  if (keepsDevice === true && sentDevice !== undefined && device === undefined)
    return fail('parameterError', 'device_invalid');
  const clientIp = keepsClientIp === true && sentIp !== undefined ? parseClientIp(sentIp) : undefined;
  if (keepsClientIp === true && sentIp !== undefined && clientIp === undefined)
    return fail('parameterError', 'client_ip_invalid');
  return { ...(device === undefined ? {} : { device }), ...(clientIp === undefined ? {} : { clientIp }) };
}

function toLoginRequest(
  appid: string,
  code: string,
  parameters: Parameters,
  kept: Kept,
  caller: RequestContext['caller'],
): LoginRequest {
  const { encrypt_data: encryptData, iv } = parameters;
  return {
    appid,
    code,
    ...(encryptData === undefined ? {} : { userData: iv === undefined ? { encryptData } : { encryptData, iv } }),
    ...readSigned(parameters),
    ...kept,
    ...fromCaller(caller),
  };
}
