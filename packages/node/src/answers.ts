import type { WaferSessionError } from './error.ts';
import type { Login, RequestHeaders, WaferSession } from './wafer-session.ts';
import { readSession } from './wafer-session.ts';
import type { UserInfo } from './wire.ts';

/** What is in every answer that the SDKs of 2016 make themselves; their client takes it as "your session is over" in answers to requests. */
const sdkMark = { 'F2C224D4-2BCE-4C64-AF9F-A6D872000D1A': 1 };

/** Who a request comes from. */
export interface SessionUser {
  readonly id: string;
  readonly userInfo: UserInfo | null;
}

/** An answer to a mini program, for a framework to send. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object;
}

export interface LoginOptions<Request> {
  /** The user's address, for an app that keeps it with the session: `(request) => request.ip`. Default: it is not sent. */
  readonly clientIp?: (request: Request) => string | undefined;
}

/** Of the requests that were let pass, by what a framework knows them as. */
const users = new WeakMap<object, SessionUser>();

/** @returns undefined if this request has a user, or what to answer if it has none */
export async function refuse(
  wafer: WaferSession,
  request: object,
  headers: RequestHeaders,
): Promise<Reply | undefined> {
  const { id, skey } = readSession(headers);
  try {
    const userInfo = await wafer.check(id, skey);
    users.set(request, { id: id as string, userInfo });
    return undefined;
  } catch (error) {
    const failure = error as WaferSessionError;
    // Without the mark if nobody knows: the client keeps its session.
    return failure.isSessionInvalid
      ? fail(401, failure, { ...sdkMark, error: 'ERR_INVALID_SESSION' })
      : fail(statusOf(failure), failure, { error: 'ERR_CHECK_LOGIN_FAILED' });
  }
}

/** Of a request that requireSession let pass. */
export function userOf(request: object): SessionUser {
  const user = users.get(request);
  if (user === undefined) throw new Error('requireSession did not see this request');
  return user;
}

/** @param clientIp the user's address, as the framework sees it */
export async function logIn(
  wafer: WaferSession,
  headers: RequestHeaders,
  clientIp: string | undefined,
): Promise<Reply> {
  try {
    const { id, skey }: Login = await wafer.login(headers, clientIp === undefined ? {} : { clientIp });
    return reply(200, { ...sdkMark, session: { id, skey } });
  } catch (error) {
    const failure = error as WaferSessionError;
    const status = failure.isLoginRefused ? 401 : statusOf(failure);
    return fail(status, failure, { ...sdkMark, error: 'ERR_LOGIN_FAILED' });
  }
}

/** A session that is not valid is over as well. */
export async function logOut(wafer: WaferSession, headers: RequestHeaders): Promise<Reply> {
  const { id, skey } = readSession(headers);
  try {
    await wafer.logout(id, skey);
  } catch (error) {
    const failure = error as WaferSessionError;
    if (!failure.isSessionInvalid) return fail(statusOf(failure), failure, { error: 'ERR_LOGOUT_FAILED' });
  }
  return reply(200, {});
}

/** 500: the same would fail again, such as a caller that is not allowed or an app that is not known. */
function statusOf(failure: WaferSessionError): number {
  return failure.isRetryable ? 503 : 500;
}

function fail(status: number, { code, message }: WaferSessionError, body: object): Reply {
  const told = code === undefined ? 'the session server can not be asked' : message;
  return reply(status, { ...body, message: told, ...(code !== undefined && { returnCode: code }) });
}

function reply(status: number, body: object): Reply {
  const headers = { 'Cache-Control': 'no-store', ...(status === 503 && { 'Retry-After': '1' }) };
  return { status, headers, body };
}
