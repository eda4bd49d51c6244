import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';

import { rootDir } from './built.ts';
import { createWx, type FakeWx, type WxResponse } from './wx.ts';

/** What @wafer-session/client makes, as far as tests use it. */
interface Client {
  login(): Promise<Session>;
  request(options: { url: string; method?: string; data?: unknown; header?: object }): Promise<WxResponse>;
  uploadFile(options: { url: string; filePath: string; name: string }): Promise<WxResponse>;
  logout(): Promise<void>;
  session(): Session | undefined;
}

interface Session {
  readonly id: string;
  readonly skey: string;
}

interface ClientOptions {
  readonly loginUrl: string;
  readonly logoutUrl?: string;
  readonly sendDevice?: boolean;
  readonly method?: 'GET' | 'POST';
  readonly getUserData?: () => Promise<unknown>;
}

export interface ClientPhone extends FakeWx, Client {
  /** Milliseconds that passed on this phone: only its own waits, and what a test adds. */
  clockMs: number;
  /** The mini program is started anew, and finds what is stored. */
  restart(): void;
}

const clientFile = join(rootDir, 'packages/client/dist/index.js');
/** What ES2016 and later brought, and what only Node has, is not there. */
const oldBaseLibrary = `
  delete Promise.prototype.finally; delete Promise.allSettled; delete Promise.any; delete Array.prototype.includes;
  delete Array.prototype.flat; delete Array.prototype.flatMap; delete Array.prototype.at; delete Object.entries;
  delete Object.values; delete Object.fromEntries; delete String.prototype.padStart; delete String.prototype.replaceAll;
  delete globalThis.URL; delete globalThis.console; delete globalThis.WebAssembly; delete globalThis.globalThis;`;

/**
 * A phone on which a user has opened a mini program that uses @wafer-session/client: the compiled file, in a world with
 * `wx`, a clock and the built-ins of ES2015.
 */
export function openClient({
  appid,
  user,
  options,
}: {
  appid: string;
  user: string;
  options: (wx: FakeWx) => ClientOptions;
}): ClientPhone {
  const fake = createWx({ appid, user });
  const phone = { ...fake, clockMs: 0 } as ClientPhone;
  phone.restart = () => void Object.assign(phone, load(phone).createClient(options(fake)));
  phone.restart();
  return phone;
}

function load(phone: ClientPhone): { createClient(options: ClientOptions): Client } {
  const module = { exports: {} as { createClient(options: ClientOptions): Client } };
  const wait = (callback: () => void, ms: number) => {
    phone.clockMs += ms;
    setImmediate(callback);
  };
  const context = createContext({ wx: phone.wx, setTimeout: wait, module, exports: module.exports });
  runInContext(oldBaseLibrary, context);
  Object.assign(context, { Date: { now: () => phone.clockMs } });
  runInContext(readFileSync(clientFile, 'utf8'), context, { filename: clientFile });
  return module.exports;
}

/** For `getUserData`: what wx.getUserInfo gives. */
export function getUserInfo({ wx }: FakeWx): Promise<unknown> {
  return new Promise((resolve, reject) =>
    (wx as { getUserInfo(options: object): void }).getUserInfo({ success: resolve, fail: reject }),
  );
}
