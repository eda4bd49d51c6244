import { createRequire } from 'node:module';

import { createWx, loadInMiniProgram, type WxResponse } from './wx.ts';

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

/** @param user the part of the codes before the `~`: two mini programs with one user are two devices of that user */
export function createMiniProgram(options: { appid: string; user: string; loginUrl: string }): MiniProgram {
  const { wx, storage, requestedPaths, nextCodes, logins } = createWx(options);
  const sdk = loadInMiniProgram(require.resolve('wafer-client-sdk'), wx) as ClientSdk;
  sdk.setLoginUrl(options.loginUrl);
  return {
    login: () => new Promise((resolve, reject) => sdk.login({ success: resolve, fail: reject })),
    request: (url) =>
      new Promise((resolve, reject) => sdk.request({ url, login: true, success: resolve, fail: reject })),
    session() {
      const [stored] = storage.values();
      return stored === undefined ? undefined : (JSON.parse(stored) as { id: string; skey: string });
    },
    logins,
    requestedPaths,
    nextCodes,
  };
}
