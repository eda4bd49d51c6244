import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { compileFunction } from 'node:vm';

import { createUserData } from '../../apps/wechat-simulator/users.ts';

export interface WxResponse {
  readonly statusCode: number;
  readonly header?: Readonly<Record<string, string>>;
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever the business server answers
  readonly data: any;
}

interface WxCallbacks {
  readonly success?: (response: WxResponse) => void;
  readonly fail?: (error: { errMsg: string }) => void;
}

interface WxRequestOptions extends WxCallbacks {
  readonly url: string;
  readonly method?: string;
  readonly data?: unknown;
  readonly header?: Record<string, string>;
}

interface WxUploadOptions extends WxCallbacks {
  readonly url: string;
  readonly filePath: string;
  readonly name: string;
  readonly header?: Record<string, string>;
}

/** The `wx` of one phone on which a user has opened a mini program, and what became of it. */
export interface FakeWx {
  readonly wx: object;
  /** JSON texts: storage holds copies, as the real one does. */
  readonly storage: ReadonlyMap<string, string>;
  /** Paths of all HTTP requests so far, in order. */
  readonly requestedPaths: readonly string[];
  /** The codes that wx.login is to hand out first, before those of the user. */
  readonly nextCodes: string[];
  /** How often wx.login was called. */
  logins(): number;
  /** What wx.showModal has asked so far. */
  readonly questions: readonly string[];
  /** What the user answers from now on; no at first. */
  confirm(yes: boolean): void;
}

let lastCode = 0;

/** @param user the part of the codes before the `~`: two phones with one user are two devices of that user */
export function createWx({ appid, user }: { appid: string; user: string }): FakeWx {
  const storage = new Map<string, string>();
  const requestedPaths: string[] = [];
  const nextCodes: string[] = [];
  const questions: string[] = [];
  let isConfirmed = false;
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
    showModal({ content, success }: { content: string; success: (result: { confirm: boolean }) => void }) {
      questions.push(content);
      setImmediate(success, { confirm: isConfirmed });
    },
    checkSession: ({ success }: { success: () => void }) => void setImmediate(success),
    setStorageSync: (key: string, value: unknown) => void storage.set(key, JSON.stringify(value)),
    getStorageSync: (key: string): unknown => JSON.parse(storage.get(key) ?? '""'),
    removeStorageSync: (key: string) => void storage.delete(key),
    // The tunnel half of the SDK listens as soon as it is loaded; nothing connects here.
    onSocketOpen: () => {},
    onSocketClose: () => {},
    onSocketMessage: () => {},
    onSocketError: () => {},
    request({ url, method = 'GET', data, header = {}, success, fail }: WxRequestOptions) {
      requestedPaths.push(new URL(url).pathname);
      send(url, method, header, data).then(
        (response) => success?.(response),
        (error: unknown) => fail?.({ errMsg: `request:fail ${String(error)}` }),
      );
    },
    /** Every file holds its own path. */
    uploadFile({ url, filePath, name, header = {}, success, fail }: WxUploadOptions) {
      requestedPaths.push(new URL(url).pathname);
      const body = new FormData();
      body.append(name, new Blob([filePath]), filePath);
      fetch(url, { method: 'POST', body, headers: header })
        .then(async (response) => ({ statusCode: response.status, data: await response.text() }))
        .then(
          (response) => success?.(response),
          (error: unknown) => fail?.({ errMsg: `uploadFile:fail ${String(error)}` }),
        );
    },
  };
  const confirm = (yes: boolean) => {
    isConfirmed = yes;
  };
  return { wx, storage, requestedPaths, nextCodes, logins: () => logins, questions, confirm };
}

/** wx.request: every HTTP status is a success, and data is parsed if it is JSON. */
async function send(url: string, method: string, sent: Record<string, string>, data: unknown): Promise<WxResponse> {
  const body = method === 'GET' || data === undefined ? null : JSON.stringify(data);
  const response = await fetch(url, { method, body, headers: { 'content-type': 'application/json', ...sent } });
  const header = Object.fromEntries(response.headers);
  const text = await response.text();
  try {
    return { statusCode: response.status, header, data: JSON.parse(text) };
  } catch {
    return { statusCode: response.status, header, data: text };
  }
}

/** Runs a CommonJS file and what it requires, each module with this phone's `wx` in scope, as WeChat's loader does. */
export function loadInMiniProgram(entry: string, wx: object): unknown {
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
  return load(entry);
}
