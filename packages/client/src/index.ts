/**
 * Log-in and session of a mini program, towards its own back end, in the headers and answers of wafer-client-sdk.
 *
 * One file without imports, of ES2015 alone, so that it can also be copied into a mini program. No async functions and no
 * generators: old base libraries lack them.
 */

/** What WeChat's own object is asked for. */
declare const wx: {
  login(options: Callbacks<{ code?: string; errMsg: string }> & { timeout: number }): void;
  request(options: Callbacks<Response> & RequestOptions): void;
  uploadFile(options: Callbacks<UploadResponse> & UploadOptions): void;
  getStorageSync(key: string): unknown;
  setStorageSync(key: string, value: unknown): void;
  removeStorageSync(key: string): void;
  /** Since 2.20.1. */
  getDeviceInfo?: () => DeviceInfo;
  getSystemInfoSync?: () => DeviceInfo;
};
declare function setTimeout(callback: () => void, ms: number): unknown;

interface DeviceInfo {
  platform?: string;
  brand?: string;
  model?: string;
}

interface Callbacks<T> {
  success?: (result: T) => void;
  fail?: (failure: { errMsg?: string }) => void;
}

export interface ClientOptions {
  /** Of your back end: where a log-in is sent. */
  loginUrl: string;
  /** Of your back end: where a log-out is sent. Without it `logout` only forgets the session on this phone. */
  logoutUrl?: string;
  /** Of both. Default: POST. GET for a back end that answers nothing else, as wafer-client-sdk asks. */
  method?: 'GET' | 'POST';
  /** Says with each log-in what telephone it comes from, in X-WX-Device: for a server whose app keeps it. Default: false. */
  sendDevice?: boolean;
  /** Asked after each wx.login, whose session_key the data are encrypted with. Without it the code is sent alone. */
  getUserData?: () => Promise<UserData>;
}

/** As wx.getUserInfo gives them. */
export interface UserData {
  encryptedData: string;
  iv: string;
}

export interface Session {
  id: string;
  skey: string;
}

/** Those of wx.request; what stands there as success, fail and complete is not called: the promise tells it. */
export interface RequestOptions {
  url: string;
  method?: 'OPTIONS' | 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE' | 'TRACE' | 'CONNECT';
  data?: string | object | ArrayBuffer;
  header?: Record<string, string>;
  /** In milliseconds. */
  timeout?: number;
  [option: string]: unknown;
}

/** Those of wx.uploadFile, without its callbacks. */
export interface UploadOptions {
  url: string;
  filePath: string;
  name: string;
  formData?: Record<string, unknown>;
  header?: Record<string, string>;
  /** In milliseconds. */
  timeout?: number;
  [option: string]: unknown;
}

export interface Response {
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever the back end answers
  data: any;
  statusCode: number;
  header: Record<string, string>;
  [field: string]: unknown;
}

export interface UploadResponse {
  /** As it came: wx.uploadFile parses nothing. */
  data: string;
  statusCode: number;
  [field: string]: unknown;
}

/**
 * | reason | |
 * |---|---|
 * | wx_login_failed | wx.login gave no code |
 * | user_data_failed | getUserData failed |
 * | network | no answer came |
 * | code_refused | WeChat refused two codes, one after the other (40029) |
 * | login_failed | the back end did not log in for another reason |
 * | session_invalid | the session is not valid, and neither is that of a new log-in; or it was logged out meanwhile |
 * | check_failed | the back end could not find out whether the session is valid, which stays as it is |
 */
export type Reason =
  | 'wx_login_failed'
  | 'user_data_failed'
  | 'network'
  | 'code_refused'
  | 'login_failed'
  | 'session_invalid'
  | 'check_failed';

/** Known by its `name`: after a translation to ES5 `instanceof` would not do. */
export class WaferSessionError extends Error {
  readonly reason: Reason;
  /** Of the HTTP answer, if there was one. */
  readonly statusCode: number | undefined;
  /** Whether the same may succeed later, without anything changed. */
  readonly isRetryable: boolean;

  constructor(reason: Reason, message: string, statusCode?: number) {
    super(message);
    this.name = 'WaferSessionError';
    this.reason = reason;
    this.statusCode = statusCode;
    this.isRetryable =
      reason === 'wx_login_failed' ||
      reason === 'network' ||
      reason === 'check_failed' ||
      (statusCode !== undefined && statusCode >= 500);
  }
}

export interface Client {
  /** A new session, whatever there was. One log-in at a time: who asks while one is on its way gets its session. */
  login(): Promise<Session>;
  /** As wx.request, in the name of the user: logs in if there is no session, and once more if it is not valid. */
  request(options: RequestOptions): Promise<Response>;
  /** As wx.uploadFile, in the same way. */
  uploadFile(options: UploadOptions): Promise<UploadResponse>;
  /** Ends the session. If the back end can't be reached the session stays, so that it can be ended again. */
  logout(): Promise<void>;
  /** The one that is stored on this phone, valid or not. */
  session(): Session | undefined;
}

const storageKey = 'wafer_session';
/** What is in the answers that the server SDKs make themselves. */
const sdkMark = 'F2C224D4-2BCE-4C64-AF9F-A6D872000D1A';
/** A session server gives the same log-in the same answer for so long; later its code is spent. */
const sameAnswerMs = 15000;
/** Before a log-in whose answer did not come is sent again. */
const pausesMs = [500, 2000, 5000];
/** The back end itself may wait 10 s for a log-in. */
const loginTimeoutMs = 15000;
const wxLoginTimeoutMs = 10000;

/** One for the whole mini program, in a module of its own. */
export function createClient(options: ClientOptions): Client {
  const method = options.method || 'POST';
  let stored: Session | undefined;
  let loggingIn: Promise<Session> | undefined;
  /** The skey of the session that `logout` has ended last. */
  let loggedOut: string | undefined;

  function session(): Session | undefined {
    if (stored !== undefined) return stored;
    try {
      stored = readSession(wx.getStorageSync(storageKey));
    } catch {
      // As if there were none: a log-in makes one.
    }
    return stored;
  }

  function store(fresh: Session): void {
    stored = fresh;
    try {
      wx.setStorageSync(storageKey, fresh);
    } catch {
      // A full storage: the session lives as long as the mini program does.
    }
  }

  /** If it is still that one: another request may have logged in meanwhile. */
  function forget(old: Session): void {
    const current = session();
    if (current === undefined || current.skey !== old.skey) return;
    stored = undefined;
    try {
      wx.removeStorageSync(storageKey);
    } catch {
      // It is refused after the next start, too, and then replaced.
    }
  }

  function login(): Promise<Session> {
    if (loggingIn === undefined) {
      loggingIn = logInOnce(true).then(
        (fresh) => {
          loggingIn = undefined;
          store(fresh);
          return fresh;
        },
        (error) => {
          loggingIn = undefined;
          throw error;
        },
      );
    }
    return loggingIn;
  }

  function logInOnce(mayTakeNewCode: boolean): Promise<Session> {
    return getCode().then((code) =>
      getUserData(options).then((userData) =>
        sendLogin(code, userData).then((response) => {
          const body = bodyOf(response.data);
          const fresh = readSession(body['session']) || readSession(body['returnData']);
          if (fresh) return fresh;
          if (!saysCode(body, 40029)) throw loginFailure('login_failed', response);
          if (!mayTakeNewCode) throw loginFailure('code_refused', response);
          return logInOnce(false);
        }),
      ),
    );
  }

  /** Sends this code, and the same again while the server would give the same answer: else it would be spent twice. */
  function sendLogin(code: string, userData: UserData | undefined): Promise<Response> {
    const header: Record<string, string> = { 'X-WX-Code': code };
    if (userData !== undefined) {
      header['X-WX-Encrypted-Data'] = userData.encryptedData;
      header['X-WX-IV'] = userData.iv;
    }
    const device = options.sendDevice ? deviceName() : '';
    if (device) header['X-WX-Device'] = device;
    const login: RequestOptions = { url: options.loginUrl, method, header, data: noData, timeout: loginTimeoutMs };
    const startedAt = Date.now();
    function attempt(attempts: number): Promise<Response> {
      return call<Response>((callbacks) => wx.request(Object.assign({}, login, callbacks))).catch((error) => {
        const pauseMs = pausesMs[attempts];
        const age = Date.now() - startedAt;
        if (pauseMs === undefined || age < 0 || age + pauseMs >= sameAnswerMs) throw error;
        return wait(pauseMs).then(() => attempt(attempts + 1));
      });
    }
    return attempt(0);
  }

  function ensureSession(): Promise<Session> {
    const current = loggingIn === undefined ? session() : undefined;
    return current === undefined ? login() : Promise.resolve(current);
  }

  function sendWithSession<T extends { data: unknown; statusCode: number }>(
    send: (header: Record<string, string>) => Promise<T>,
    header: Record<string, string> | undefined,
    mayLogIn: boolean,
  ): Promise<T> {
    return ensureSession().then((current) =>
      send(Object.assign({}, header, headerOf(current))).then((response) => {
        const body = bodyOf(response.data);
        if (isRefused(response.statusCode, body)) {
          forget(current);
          // On its way when the user logged out: that must not log in again.
          const isLoggedOut = current.skey === loggedOut && session() === undefined;
          if (mayLogIn && !isLoggedOut) return sendWithSession(send, header, false);
          throw new WaferSessionError(
            'session_invalid',
            isLoggedOut ? 'the session was logged out' : 'the session of a new log-in is not valid',
            response.statusCode,
          );
        }
        if (body['error'] === 'ERR_CHECK_LOGIN_FAILED')
          throw new WaferSessionError('check_failed', String(body['message']), response.statusCode);
        return response;
      }),
    );
  }

  function request(given: RequestOptions): Promise<Response> {
    const send = (header: Record<string, string>) =>
      call<Response>((callbacks) => wx.request(Object.assign({}, given, withoutCallbacks, { header }, callbacks)));
    return sendWithSession(send, given.header, true);
  }

  function uploadFile(given: UploadOptions): Promise<UploadResponse> {
    const send = (header: Record<string, string>) =>
      call<UploadResponse>((callbacks) =>
        wx.uploadFile(Object.assign({}, given, withoutCallbacks, { header }, callbacks)),
      );
    return sendWithSession(send, given.header, true);
  }

  function logout(): Promise<void> {
    const { logoutUrl } = options;
    const pending: Promise<unknown> = loggingIn === undefined ? Promise.resolve() : loggingIn.catch(() => undefined);
    return pending.then(() => {
      const current = session();
      if (current === undefined) return undefined;
      if (logoutUrl === undefined) return forget(current);
      // From now on its server may refuse it.
      loggedOut = current.skey;
      const ending: RequestOptions = { url: logoutUrl, method, header: headerOf(current), data: noData };
      return call<Response>((callbacks) => wx.request(Object.assign({}, ending, callbacks)))
        .then(({ statusCode, data }) => {
          const isOver = (statusCode >= 200 && statusCode < 300) || isRefused(statusCode, bodyOf(data));
          if (!isOver) throw new WaferSessionError('check_failed', `log-out failed: HTTP ${statusCode}`, statusCode);
          forget(current);
        })
        .catch((error) => {
          loggedOut = undefined;
          throw error;
        });
    });
  }

  return { login, request, uploadFile, logout, session };
}

/** A POST without data would have an empty body that claims to be JSON, which some frameworks refuse. */
const noData = {};

const withoutCallbacks = { success: undefined, fail: undefined, complete: undefined };

function getCode(): Promise<string> {
  return new Promise((resolve, reject) => {
    const refuse = ({ errMsg = '' }) =>
      reject(new WaferSessionError('wx_login_failed', `wx.login gave no code: ${errMsg}`));
    // WeChat calls `success` without a code as well.
    const accept = (result: { code?: string; errMsg: string }) => (result.code ? resolve(result.code) : refuse(result));
    wx.login({ timeout: wxLoginTimeoutMs, success: accept, fail: refuse });
  });
}

function getUserData({ getUserData: get }: ClientOptions): Promise<UserData | undefined> {
  if (get === undefined) return Promise.resolve(undefined);
  return get().catch((error) => {
    throw new WaferSessionError('user_data_failed', (error && (error.errMsg || error.message)) || String(error));
  });
}

/** `ios iPhone 15 Pro` as a header can hold it, or nothing where WeChat does not say. */
function deviceName(): string {
  try {
    const {
      platform = '',
      brand = '',
      model = '',
    } = wx.getDeviceInfo ? wx.getDeviceInfo() : wx.getSystemInfoSync ? wx.getSystemInfoSync() : {};
    // Most models begin with their brand.
    const name = model.toLowerCase().indexOf(brand.toLowerCase()) === 0 ? model : `${brand} ${model}`;
    return encodeURIComponent(`${platform} ${name}`.slice(0, 100).trim());
  } catch {
    return '';
  }
}

function call<T>(start: (callbacks: Callbacks<T>) => void): Promise<T> {
  return new Promise((resolve, reject) =>
    start({
      success: resolve,
      fail: ({ errMsg = 'request:fail' }) => reject(new WaferSessionError('network', errMsg)),
    }),
  );
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function headerOf({ id, skey }: Session): Record<string, string> {
  return { 'X-WX-Id': id, 'X-WX-Skey': skey };
}

function readSession(value: unknown): Session | undefined {
  const { id, skey } = objectOf(value);
  return typeof id === 'string' && typeof skey === 'string' ? { id, skey } : undefined;
}

/** An upload's answer is a string. */
function bodyOf(data: unknown): Record<string, unknown> {
  if (typeof data !== 'string') return objectOf(data);
  try {
    return objectOf(JSON.parse(data));
  } catch {
    return {};
  }
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** By an SDK, by a back end that passes on what the session server says, or by a gateway. */
function isRefused(statusCode: number, body: Record<string, unknown>): boolean {
  if (body[sdkMark]) return body['error'] === 'ERR_INVALID_SESSION';
  return statusCode === 401 || body['returnCode'] === 60012;
}

/** The SDKs of 2016 put the return code into their message. */
function saysCode(body: Record<string, unknown>, code: number): boolean {
  return body['returnCode'] === code || new RegExp(`\\b${code}\\b`).test(String(body['message']));
}

function loginFailure(reason: Reason, { statusCode, data }: Response): WaferSessionError {
  const body = bodyOf(data);
  const why = (body['message'] || body['returnMessage'] || body['error'] || '') as string;
  return new WaferSessionError(reason, `log-in failed: HTTP ${statusCode} ${why}`, statusCode);
}
