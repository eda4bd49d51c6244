import { logIn, logOut, refuse, type LoginOptions, type Reply } from './answers.ts';
import type { RequestHeaders, WaferSession } from './wafer-session.ts';

export { userOf, type SessionUser } from './answers.ts';

interface ExpressRequest {
  headers: RequestHeaders;
  ip?: string | undefined;
}

interface ExpressResponse {
  status(status: number): unknown;
  set(headers: Record<string, string>): unknown;
  json(body: object): unknown;
}

type Handler = (request: ExpressRequest, response: ExpressResponse, next: (error?: unknown) => void) => Promise<void>;

/** Lets those pass that have a valid session, and answers the others itself: 401, or 503 if nobody knows. */
export function requireSession(wafer: WaferSession): Handler {
  return async (request, response, next) => {
    const refusal = await refuse(wafer, request, request.headers);
    if (refusal !== undefined) return send(response, refusal);
    return next();
  };
}

/** Answers a log-in. */
export function loginHandler(wafer: WaferSession, { clientIp }: LoginOptions<ExpressRequest> = {}): Handler {
  return async (request, response) => send(response, await logIn(wafer, request.headers, clientIp?.(request)));
}

/** Answers a log-out. */
export function logoutHandler(wafer: WaferSession): Handler {
  return async (request, response) => send(response, await logOut(wafer, request.headers));
}

function send(response: ExpressResponse, { status, headers, body }: Reply): void {
  response.status(status);
  response.set({ ...headers });
  response.json(body);
}
