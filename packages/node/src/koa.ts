import { logIn, logOut, refuse, type LoginOptions, type Reply } from './answers.ts';
import type { RequestHeaders, WaferSession } from './wafer-session.ts';

export { userOf, type SessionUser } from './answers.ts';

interface KoaContext {
  headers: RequestHeaders;
  ip?: string | undefined;
  status: number;
  body: unknown;
  set(headers: Record<string, string>): void;
}

type Middleware = (context: KoaContext, next: () => Promise<unknown>) => Promise<void>;

/** Lets those pass that have a valid session, and answers the others itself: 401, or 503 if nobody knows. */
export function requireSession(wafer: WaferSession): Middleware {
  return async (context, next) => {
    const refusal = await refuse(wafer, context, context.headers);
    if (refusal !== undefined) return send(context, refusal);
    await next();
  };
}

/** Answers a log-in. */
export function loginHandler(wafer: WaferSession, { clientIp }: LoginOptions<KoaContext> = {}): Middleware {
  return async (context) => send(context, await logIn(wafer, context.headers, clientIp?.(context)));
}

/** Answers a log-out. */
export function logoutHandler(wafer: WaferSession): Middleware {
  return async (context) => send(context, await logOut(wafer, context.headers));
}

function send(context: KoaContext, { status, headers, body }: Reply): void {
  context.status = status;
  context.set({ ...headers });
  context.body = body;
}
