import type { RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

const ending = new WeakSet<Socket>();

/** Makes this answer the last of its connection: `Connection: close`, and nothing that was sent behind its request is executed. */
export function endConnectionAfter(response: ServerResponse): void {
  response.shouldKeepAlive = false;
  ending.add(response.req.socket);
}

/**
 * Leaves out requests that come after the last one. Node would still execute them, without an answer, although the client was told that
 * the connection ends here (RFC 9112, 9.6: "MUST NOT process any further requests").
 */
export function untilConnectionEnds(handle: RequestListener): RequestListener {
  return (request, response) => {
    if (ending.has(request.socket)) return;
    handle(request, response);
  };
}
