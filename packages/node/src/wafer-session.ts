import { noCode, noSession, WaferSessionError } from './error.ts';
import { listenToEvents, type EventsOptions } from './event-stream.ts';
import { createMemory } from './memory.ts';
import { createTransport, type Transport } from './transport.ts';
import type { Calls, UserInfo } from './wire.ts';

export interface WaferSessionOptions {
  /** The address of /mina_auth/, with the caller's key if it wants one: http://10.0.0.5:8080/k/…/mina_auth/ */
  readonly url: string;
  /** Which app is meant. Without it the server's default one, or the caller's. */
  readonly appid?: string;
  /** Default: 2000. */
  readonly checkDeadlineMs?: number;
  /** Of log-in and log-out. Default: 10,000, a little more than the server takes at most. */
  readonly loginDeadlineMs?: number;
  /** Connections of each of the two pools, one for checks and one for all else. Default: 32. */
  readonly connections?: number;
  /**
   * A session that was found valid is taken as valid for so long without asking; a log-out elsewhere counts that much later, unless
   * `events` tells of it.
   * Default: 0, never.
   */
  readonly rememberMs?: number;
  /** How many sessions are remembered at most. Default: 10,000. */
  readonly rememberCount?: number;
  /** With `rememberMs`: what is remembered of a session is forgotten as soon as the server tells that it has changed. */
  readonly events?: EventsOptions;
}

/** `code` of wx.login; `encryptedData` and `iv` of wx.getUserInfo, or neither. */
export interface LoginRequest {
  readonly code?: string | undefined;
  readonly encryptedData?: string | undefined;
  readonly iv?: string | undefined;
  /** `ios iPhone 15 Pro`: a kind, then maker and model. For apps that keep it. */
  readonly device?: string | undefined;
  /** The user's address. For apps that keep it. */
  readonly clientIp?: string | undefined;
}

/** As Node gives them: X-WX-Code, X-WX-Encrypted-Data, X-WX-IV, X-WX-Device, X-WX-Id, X-WX-Skey are read. */
export type RequestHeaders = Readonly<Record<string, string | string[] | undefined>>;

export interface Login {
  readonly id: string;
  readonly skey: string;
  readonly userInfo: UserInfo | null;
  readonly durationSeconds: number;
}

/** Every call throws a WaferSessionError, and nothing else. */
export interface WaferSession {
  /** Who this session belongs to. Without id or skey the server is not asked. */
  check(id: string | undefined, skey: string | undefined): Promise<UserInfo | null>;
  login(request: RequestHeaders | LoginRequest, user?: Pick<LoginRequest, 'clientIp'>): Promise<Login>;
  logout(id: string | undefined, skey: string | undefined): Promise<void>;
  /** Cuts all connections. */
  close(): void;
}

export function createWaferSession(options: WaferSessionOptions): WaferSession {
  const { appid, checkDeadlineMs = 2000, loginDeadlineMs = 10_000, connections = 32 } = options;
  const url = readUrl(options.url);
  const checks = createTransport(url, connections);
  const others = createTransport(url, connections);
  const memory = createMemory<UserInfo | null>(options.rememberMs ?? 0, options.rememberCount ?? 10_000);

  const { events } = options;
  const listening =
    events === undefined
      ? undefined
      : listenToEvents(events, { onSession: memory.forgetSession, onAny: memory.forgetAll });

  async function call<Name extends keyof Calls>(
    transport: Transport,
    interfaceName: Name,
    para: Calls[Name]['para'],
    deadlineMs: number,
    needed: readonly string[] = [],
  ): Promise<Calls[Name]['data']> {
    const named = appid === undefined ? { interfaceName, para } : { interfaceName, appid, para };
    const body = JSON.stringify({ version: 1, componentName: 'MA', interface: named });
    const { status, reason, body: text } = await transport.post(body, deadlineMs);
    if (status !== 200) throw new WaferSessionError(`the session server answers HTTP ${status}`, { status, reason });
    const { returnCode, returnMessage, returnData } = readEnvelope(text);
    if (returnCode === 0) {
      const fields = typeof returnData === 'object' && returnData !== null ? Object.keys(returnData) : [];
      if (needed.every((name) => fields.includes(name))) return returnData as Calls[Name]['data'];
      throw invalidAnswer();
    }
    throw new WaferSessionError(`${returnCode} ${returnMessage}`, { code: returnCode, status, reason });
  }

  return {
    async check(id, skey) {
      if (!id || !skey) throw noSession();
      const remembered = memory.find(id, skey);
      if (remembered !== undefined) return structuredClone(remembered.value);
      const askedAt = performance.now();
      const { user_info } = await call(checks, 'qcloud.cam.auth', { id, skey }, checkDeadlineMs, ['user_info']);
      memory.keep(id, skey, user_info, askedAt);
      return user_info;
    },
    async login(request, user) {
      const { code, encryptedData, iv, device, clientIp = user?.clientIp } = readLogin(request);
      if (!code) throw noCode();
      const para = {
        code,
        ...(encryptedData && { encrypt_data: encryptedData }),
        ...(iv && { iv }),
        ...(device && { device }),
        ...(clientIp && { client_ip: clientIp }),
      };
      const answered = await call(others, 'qcloud.cam.id_skey', para, loginDeadlineMs, ['id', 'skey', 'user_info']);
      const { id, skey, user_info, duration } = answered;
      return { id, skey, userInfo: user_info, durationSeconds: Number(duration) };
    },
    async logout(id, skey) {
      if (!id || !skey) throw noSession();
      memory.forgetSession(id);
      try {
        await call(others, 'qcloud.cam.logout', { id, skey }, loginDeadlineMs);
      } finally {
        // Checks that were asked until now may come back later than this, and of a log-out without an answer nobody knows.
        memory.forgetSession(id);
      }
    },
    close() {
      listening?.close();
      checks.close();
      others.close();
    },
  };
}

/** X-WX-Id and X-WX-Skey. */
export function readSession(headers: RequestHeaders): { id: string | undefined; skey: string | undefined } {
  return { id: single(headers['x-wx-id']), skey: single(headers['x-wx-skey']) };
}

function readLogin(request: RequestHeaders | LoginRequest): LoginRequest {
  if (!('x-wx-code' in request)) return request;
  return {
    code: single(request['x-wx-code']),
    encryptedData: single(request['x-wx-encrypted-data']),
    iv: single(request['x-wx-iv']),
    device: decoded(single(request['x-wx-device'])),
  };
}

/** A header holds ASCII alone. What is no such text says nothing: nobody's log-in fails for the name of a telephone. */
function decoded(value: string | undefined): string | undefined {
  try {
    return value === undefined ? undefined : decodeURIComponent(value);
  } catch {
    return undefined;
  }
}

function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The address may hold a key: no message quotes it. */
function readUrl(url: string): URL {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new TypeError('url has to be the address of /mina_auth/, such as http://10.0.0.5:8080/mina_auth/');
  return new URL(url);
}

interface Envelope {
  readonly returnCode: number;
  readonly returnMessage: string;
  readonly returnData: unknown;
}

function readEnvelope(text: string): Envelope {
  try {
    const envelope = JSON.parse(text) as Envelope | null;
    if (typeof envelope?.returnCode === 'number') return envelope;
  } catch {
    // The same as JSON of another shape.
  }
  throw invalidAnswer();
}

function invalidAnswer(): WaferSessionError {
  return new WaferSessionError('what answers is no session server', { status: 200, reason: 'answer_invalid' });
}
