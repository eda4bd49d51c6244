/**
 * The simulated WeChat, a real HTTP server. All state is in memory.
 *
 * | call | |
 * |---|---|
 * | `GET /sns/jscode2session` | each code works once (then 40163); openid and session_key are functions of the part before the first `~` |
 * | `POST /cgi-bin/stable_token` | the same token for everybody who asks, for two hours; the next one from five minutes before its end, or with `force_refresh` |
 * | `GET /sns/component/jscode2session` | the same for a third-party platform, with a component_access_token in the place of the secret |
 * | `GET /cgi-bin/gettoken`, `/cgi-bin/miniprogram/jscode2session` | those of WeCom: the part before the first `~` is the userid; `alice.ww2` is of the company ww2 alone, `linked.ww9` is answered as of ww9 whoever asks |
 * | `POST /wxa/business/getuserphonenumber` | each code works once (then 40029); the number is a function of the part before the first `~` |
 * | `POST /cgi-bin/openapi/quota/get` | of any of these calls: 20 a day, and how many of them were made; nobody is refused for it |
 * | `GET /wxa/checksession` | 0, or 87009 if the signature is not the live session_key's |
 * | `GET /wxa/resetusersessionkey` | renews the session_key, which later log-ins and `/_sim/userdata` use |
 * | `POST /wxa/business/getuserencryptkey` | the encryption keys of this hour and the two before; 87009 with any body, 43002 by GET. With SIM_ENCRYPT_KEY_METHOD=GET as the document has it: by GET, 43001 by POST |
 *
 * Codes that begin with these words get: `bad` 40029, `busy<n>` -1 n times, then success, `limit` 45011, `blocked` 40226, `net`
 * HTTP 500, `unauthorized` 61003 (of a platform), `slow<ms>` the answer after that many ms, `garbage` no JSON, `empty` `{}`; of wx.login also `expires` an expires_in of
 * 7200, `unionid` a unionid, `newkey` a renewed session_key at each log-in. The last four calls want an access_token: 41001 without, 40001 with an unknown one, 42001 with one that ended.
 *
 * | own path | |
 * |---|---|
 * | `GET /_sim/userdata?code=alice~1&appid=…` | `encrypt_data`, `iv`, `legacy_encrypt_data`, `rawData`, `signature` of that user |
 * | `GET /_sim/phonecode?code=alice~1&appid=…` | a fresh phone `code` of that user, and `encrypt_data`, `iv` as older clients get them |
 * | `GET /_sim/component-token?appid=…`, `/_sim/authorizer-token?appid=…` | what a platform's own token service answers |
 * | `POST /_sim/fail?path=/wxa/checksession&errcode=45009&times=1` | the next calls of that path answer this errcode |
 * | `POST /_sim/end-tokens` | no access token works any more, as after a reset of the secret |
 * | `GET /_sim/stats`, `POST /_sim/reset` | the calls per path and per code; forget them, and everything else |
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { BoundedMap, countUp } from './bounded-map.ts';
import { readJsonObject, send, sendJson } from './http.ts';
import type { SimulatedUserData } from './users.ts';
import type { WechatAnswer } from './wechat-answer.ts';
import { WechatApi, type WechatCall } from './wechat-api.ts';

const countedPathsLimit = 1000;
const countedCodesLimit = 1_000_000;
/** Longer than clients keep idle connections, so that the simulator is never the one to cut them. */
const keepAliveTimeoutMs = 120_000;

export interface SimulatorOptions {
  /** Default: any free port. */
  port?: number;
  /** Default 127.0.0.1. */
  host?: string;
  /** Secrets by appid; default: every app is known. */
  apps?: ReadonlyMap<string, string>;
  /** Secrets by corpid; default: every company is known. */
  corps?: ReadonlyMap<string, string>;
  /** Delays every answer of WeChat. */
  latencyMs?: number;
  /** Life of an access token. Default: 7200. */
  tokenLifeSeconds?: number;
  /** By which method getuserencryptkey is asked. Default: POST, as WeChat does; GET is what its document says. */
  encryptKeyMethod?: 'POST' | 'GET';
  /**
   * Called for each call to WeChat (code is '' when there is none) after it took effect and before it is answered,
   * which waits for the promise.
   */
  onRequest?: (path: string, code: string) => Promise<void> | void;
  /** Called with each answer of WeChat before it goes out. */
  onAnswer?: (body: string, code: string) => void;
}

/** Calls to WeChat since the start or the last reset; those below /_sim/ are not counted. */
interface SimulatorStats {
  paths: Record<string, number>;
  codes: Record<string, number>;
}

export interface Simulator {
  readonly url: string;
  readonly port: number;
  readonly stats: () => SimulatorStats;
  /** Forgets the counts, the used codes and everything else. */
  readonly reset: () => void;
  /** What the buttons of a mini program give at this moment, as below /_sim/. */
  readonly userData: (appid: string, code: string) => SimulatedUserData;
  readonly phoneCode: (appid: string, code: string) => { code: string; encrypt_data: string; iv: string };
  /** The next calls of this path answer this errcode. */
  readonly fail: (path: string, errcode: number, times: number) => void;
  /** No access token works any more. */
  readonly endTokens: () => void;
  readonly close: () => Promise<void>;
}

/** Starts a simulated WeChat. Rejects when it cannot listen. */
export async function createSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { port = 0, host = '127.0.0.1', latencyMs = 0, onRequest, onAnswer } = options;
  const api = new WechatApi(options);
  const paths = new BoundedMap<number>(countedPathsLimit);
  const codes = new BoundedMap<number>(countedCodesLimit);

  const stats = () => ({ paths: paths.toObject(), codes: codes.toObject() });
  const reset = () => {
    api.reset();
    paths.clear();
    codes.clear();
  };

  async function handleWechatCall(call: WechatCall, response: ServerResponse): Promise<void> {
    const { path } = call;
    const code = api.codeOf(call);
    countUp(paths, path);
    if (code) countUp(codes, code);
    const answer = api.answer(call);
    if (answer === undefined) return sendJson(response, 404, { errcode: 404, errmsg: 'not found' });

    onAnswer?.(answer.body, code);
    if (onRequest) await onRequest(path, code);
    const delayMs = latencyMs + answer.delayMs;
    if (delayMs > 0) await sleep(delayMs, undefined, { ref: false });
    // WeChat answers with JSON that it calls text/plain.
    send(response, answer.status, 'text/plain', answer.body);
  }

  const ownCalls: Readonly<Record<string, (query: URLSearchParams) => unknown>> = {
    'GET /_sim/stats': () => stats(),
    'POST /_sim/reset': () => (reset(), {}),
    'POST /_sim/end-tokens': () => (api.endTokens(), {}),
    'POST /_sim/fail': (query) => {
      const errcode = Number(query.get('errcode') ?? Number.NaN);
      const times = Number(query.get('times') ?? 1);
      if (!query.get('path') || !Number.isInteger(errcode) || !(times >= 0)) return undefined;
      api.failures.order(query.get('path') ?? '', errcode, times);
      return {};
    },
    'GET /_sim/component-token': (query) => issue(query, (appid) => api.issueComponentToken(appid)),
    'GET /_sim/authorizer-token': (query) => issue(query, (appid) => api.issueAuthorizerToken(appid)),
    'GET /_sim/userdata': (query) => forUser(query, (appid, code) => api.createUserData(appid, code)),
    'GET /_sim/phonecode': (query) => forUser(query, (appid, code) => api.createPhoneCode(appid, code)),
  };

  function issue(query: URLSearchParams, answer: (appid: string) => WechatAnswer): unknown {
    const appid = query.get('appid');
    if (!appid) return undefined;
    const { body } = answer(appid);
    onAnswer?.(body, '');
    return JSON.parse(body) as unknown;
  }

  function handleOwnCall(
    path: string,
    query: URLSearchParams,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    request.resume();
    const name = `${request.method} ${path}`;
    const call = Object.hasOwn(ownCalls, name) ? ownCalls[name] : undefined;
    if (call === undefined) return sendJson(response, 404, { error: `no such path: ${name}` });
    const answer = call(query);
    if (answer === undefined) return sendJson(response, 400, { error: 'a parameter is missing or wrong' });
    return sendJson(response, 200, answer);
  }

  const server = createServer((request, response) => {
    const url = request.url ?? '/';
    const queryStart = url.indexOf('?');
    const path = queryStart === -1 ? url : url.slice(0, queryStart);
    const query = new URLSearchParams(queryStart === -1 ? '' : url.slice(queryStart + 1));
    if (path.startsWith('/_sim/')) return handleOwnCall(path, query, request, response);
    const method = request.method ?? '';
    if (method !== 'POST') request.resume();
    const reading = method === 'POST' ? readJsonObject(request) : Promise.resolve({ body: {}, hasBody: false });
    reading
      .then((sent) => handleWechatCall({ method, path, query, ...sent }, response))
      .catch((error: unknown) => response.destroy(error as Error));
  });
  server.keepAliveTimeout = keepAliveTimeoutMs;

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const { port: actualPort } = server.address() as AddressInfo;
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  const fail: Simulator['fail'] = (path, errcode, times) => api.failures.order(path, errcode, times);
  return {
    url: `http://${host}:${actualPort}`,
    port: actualPort,
    stats,
    reset,
    userData: (appid, code) => api.createUserData(appid, code),
    phoneCode: (appid, code) => api.createPhoneCode(appid, code),
    fail,
    endTokens: () => api.endTokens(),
    close,
  };
}

/** Of the user whose code is named. */
function forUser<Answer>(query: URLSearchParams, answer: (appid: string, code: string) => Answer): Answer | undefined {
  const appid = query.get('appid');
  const code = query.get('code');
  return appid && code ? answer(appid, code) : undefined;
}
