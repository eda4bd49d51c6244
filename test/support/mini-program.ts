import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { compileFunction } from 'node:vm';

import { createUserData } from '../../apps/wechat-simulator/users.ts';

const require = createRequire(import.meta.url);

/** What wafer-client-sdk exports, as far as tests use it. */
interface ClientSdk {
  setLoginUrl(url: string): void;
  login(options: { success: (userInfo: UserInfo) => void; fail: (error: ClientSdkError) => void }): void;
  request(options: {
    url: string;
    login?: boolean;
    success: (response: WxResponse) => void;
    fail: (error: ClientSdkError) => void;
  }): void;
}

export interface ClientSdkError extends Error {
  /** ERR_INVALID_SESSION and so on. */
  readonly type: string;
}

/** The profile that WeChat hands to the mini program in plain. */
interface UserInfo {
  readonly nickName: string;
}

interface WxResponse {
  readonly statusCode: number;
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever the business server answers
  readonly data: any;
}

interface WxRequestOptions {
  readonly url: string;
  readonly method?: string;
  readonly header?: Record<string, string>;
  readonly success?: (response: WxResponse) => void;
  readonly fail?: (error: { errMsg: string }) => void;
}

/** A phone on which a user has opened the mini program, which uses the unmodified wafer-client-sdk. */
export interface MiniProgram {
  /** Logs in unless a session is stored. @throws {ClientSdkError} */
  login(): Promise<UserInfo>;
  /** A request that needs a session; logs in by itself when there is none or it is refused. @throws {ClientSdkError} */
  request(url: string): Promise<WxResponse>;
  /** The session that the SDK keeps; undefined if it keeps none. */
  session(): { id: string; skey: string } | undefined;
  /** How often wx.login was called: each is a log-in attempt with a code of its own. */
  logins(): number;
  /** Paths of all HTTP requests so far, in order. */
  readonly requestedPaths: readonly string[];
  /** The codes that wx.login is to hand out first, before those of the user. */
  readonly nextCodes: string[];
}

let lastCode = 0;

/** @param user the part of the codes before the `~`: two mini programs with one user are two devices of that user */
export function createMiniProgram(options: { appid: string; user: string; loginUrl: string }): MiniProgram {
  const { appid, user, loginUrl } = options;
  const storage = new Map<string, string>();
  const requestedPaths: string[] = [];
  const nextCodes: string[] = [];
  let logins = 0;
  let code = '';

  const wx = {
    login({ success }: { success: (result: { code: string; errMsg: string }) => void }) {
      logins++;
      code = nextCodes.shift() ?? `${user}~${++lastCode}`;
      setImmediate(success, { code, errMsg: 'login:ok' });
    },
    getUserInfo({ success }: { success: (result: unknown) => void }) {
      const { encrypt_data: encryptedData, iv } = createUserData(appid, code);
      setImmediate(success, { userInfo: { nickName: user }, encryptedData, iv, errMsg: 'getUserInfo:ok' });
    },
    checkSession: ({ success }: { success: () => void }) => void setImmediate(success),
    // Storage holds copies, as the real one does.
    setStorageSync: (key: string, value: unknown) => void storage.set(key, JSON.stringify(value)),
    getStorageSync: (key: string): unknown => JSON.parse(storage.get(key) ?? '""'),
    removeStorageSync: (key: string) => void storage.delete(key),
    // The tunnel half of the SDK listens as soon as it is loaded; nothing connects here.
    onSocketOpen: () => {},
    onSocketClose: () => {},
    onSocketMessage: () => {},
    onSocketError: () => {},
    request({ url, method = 'GET', header = {}, success, fail }: WxRequestOptions) {
      requestedPaths.push(new URL(url).pathname);
      send(url, method, header).then(
        (response) => success?.(response),
        (error: unknown) => fail?.({ errMsg: `request:fail ${String(error)}` }),
      );
    },
  };

  const sdk = loadClientSdk(wx);
  sdk.setLoginUrl(loginUrl);
  return {
    login: () => new Promise((resolve, reject) => sdk.login({ success: resolve, fail: reject })),
    request: (url) =>
      new Promise((resolve, reject) => sdk.request({ url, login: true, success: resolve, fail: reject })),
    session() {
      const [stored] = storage.values();
      return stored === undefined ? undefined : (JSON.parse(stored) as { id: string; skey: string });
    },
    logins: () => logins,
    requestedPaths,
    nextCodes,
  };
}

/** wx.request: every HTTP status is a success, and data is parsed if it is JSON. */
async function send(url: string, method: string, header: Record<string, string>): Promise<WxResponse> {
  const response = await fetch(url, { method, headers: { 'content-type': 'application/json', ...header } });
  const text = await response.text();
  try {
    return { statusCode: response.status, data: JSON.parse(text) };
  } catch {
    return { statusCode: response.status, data: text };
  }
}

/** Runs the package's own files, each module with this device's `wx` in scope, as WeChat's loader does. */
function loadClientSdk(wx: unknown): ClientSdk {
  const modules = new Map<string, { exports: unknown }>();
  const load = (file: string): unknown => {
    const known = modules.get(file);
    if (known !== undefined) return known.exports;
    const module: { exports: unknown } = { exports: {} };
    modules.set(file, module);
    const { resolve } = createRequire(file);
    const names = ['module', 'exports', 'require', '__filename', '__dirname', 'wx'];
    const run = compileFunction(readFileSync(file, 'utf8'), names, { filename: file });
    run.call(module.exports, module, module.exports, (id: string) => load(resolve(id)), file, dirname(file), wx);
    return module.exports;
  };
  return load(require.resolve('wafer-client-sdk')) as ClientSdk;
}
