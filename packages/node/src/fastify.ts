import { logIn, logOut, refuse, type LoginOptions, type Reply } from './answers.ts';
import type { RequestHeaders, WaferSession } from './wafer-session.ts';

export { userOf, type SessionUser } from './answers.ts';

interface FastifyRequest {
  headers: RequestHeaders;
  ip?: string | undefined;
}

interface FastifyReply {
  code(status: number): unknown;
  headers(headers: Record<string, string>): unknown;
  send(body: object): unknown;
}

/** A preHandler that lets those pass that have a valid session, and answers the others itself: 401, or 503 if nobody knows. */
export function requireSession(
  wafer: WaferSession,
): (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined> {
  return async (request, reply) => {
    const refusal = await refuse(wafer, request, request.headers);
    if (refusal !== undefined) return send(reply, refusal);
    return undefined;
  };
}

/** Answers a log-in. */
export function loginHandler(
  wafer: WaferSession,
  { clientIp }: LoginOptions<FastifyRequest> = {},
): (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply> {
  return async (request, reply) => send(reply, await logIn(wafer, request.headers, clientIp?.(request)));
}

/** Answers a log-out. */
export function logoutHandler(
  wafer: WaferSession,
): (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply> {
  return async (request, reply) => send(reply, await logOut(wafer, request.headers));
}

function send(reply: FastifyReply, { status, headers, body }: Reply): FastifyReply {
  reply.code(status);
  reply.headers({ ...headers });
  reply.send(body);
  return reply;
}
