import type { Socket } from 'node:net';
import type { Guard } from '../../../shared/http/guard.ts';
import { alwaysHeldBytes } from '../../../shared/http/held-bytes.ts';
import type { Peer } from '../../../shared/http/places.ts';
import { costOfBytes } from '../../../shared/http/turns.ts';
import { ifStillSilent } from '../../../shared/async/patience.ts';
import type { Gate } from '../access/gate.ts';
import { withoutKey } from '../access/key-prefix.ts';
import { withoutLeadingSlashes } from '../access/leading-slashes.ts';
import type { Answer } from '../answer.ts';
import type { HttpLimits } from '../http/limits.ts';
import { answerBrokenRequest } from '../middleware/broken-request.ts';
import { chooseRequestId } from '../../../shared/http/request-id.ts';
import { isForwardAuth, type CheckCredentials } from '../routes/forward-auth.ts';
import { isMinaAuth, type AnswerBody } from '../routes/mina-auth.ts';
import { createAnswerRenderer } from './answer-renderer.ts';
import { createOutbox } from './outbox.ts';
import { createRequestReader, type Head } from './whole-request.ts';

/** What is answered in the lane. */
export interface FastLaneRoute {
  readonly admit: Gate['admitAtOnce'];
  readonly answer: AnswerBody;
  readonly check: CheckCredentials;
  readonly bodyLimitBytes: number;
}

interface Routed {
  readonly head: Head | undefined;
  /** With one slash before it. */
  readonly url: string;
  readonly isForLane: boolean;
}

const nowhere: Routed = { head: undefined, url: '', isForLane: false };

function routeOf(head: Head): Routed {
  const url = withoutLeadingSlashes(head.url);
  const path = withoutKey(url);
  return { head, url, isForLane: head.credentials === undefined ? isMinaAuth(path) : isForwardAuth(path) };
}

/** A larger request waits for its turn, as do many small ones of an address at once. */
const smallBytes = 2048;
/** What one of those costs, in requests that Node reads. */
const smallCost = 1 / 8;

/** What the server asks of a connection in the lane. */
export interface Lane {
  /** Something is being answered, or an answer is not out yet: the connection is not to be ended. */
  isAnswering(): boolean;
}

/**
 * The protocol and forward auth without Koa and Node's HTTP server, which cost more than a check (ADR 30). What is
 * answered here are plain requests that come whole and one at a time, with the bytes that Koa would answer. With the
 * first bytes that are anything else a connection is Node's, for good.
 * @param stopping once it is aborted, answers are the last of their connections
 * @returns takes a connection, and calls `serveByNode` if it leaves the lane
 */
export function createFastLane(
  { admit, answer, check, bodyLimitBytes }: FastLaneRoute,
  limits: HttpLimits,
  { held, turns, cutOff }: Pick<Guard, 'held' | 'turns' | 'cutOff'>,
  stopping: AbortSignal,
): (socket: Socket, peer: Peer, serveByNode: () => void) => Lane {
  const render = createAnswerRenderer(limits.keepAliveTimeoutMs);
  const writeSoon = createOutbox();

  return (socket, peer, serveByNode) => {
    const readRequest = createRequestReader();
    /** Of the last head: as a rule each request of a connection has the same. */
    let routed: Routed = nowhere;
    let hasAsked = false;
    let isAnswering = false;
    /** What came while an answer was due, or waits for its turn. */
    let waiting: Buffer | undefined;
    let isQueued = false;

    const send = (due: Answer, requestId: string): void => {
      isAnswering = false;
      if (!socket.writable) return;
      const isLast = stopping.aborted;
      const isTaken = socket.write(render(due, requestId, isLast), 'latin1');
      if (isLast || socket.readableEnded) return socket.destroySoon();
      if (!isTaken) socket.setTimeout(limits.inactivityTimeoutMs);
      goOn();
    };

    /** @returns false if these bytes are not for the lane */
    const tryToAnswer = (bytes: Buffer): boolean => {
      const request = readRequest(bytes);
      if (request === undefined || request.body.length > bodyLimitBytes) return false;
      const { headers, requestId: given, traceparent, credentials } = request.head;
      if (request.head !== routed.head) routed = routeOf(request.head);
      if (!routed.isForLane) return false;
      const admitted = admit(routed.url, { socket, headers });
      if (admitted === undefined) return false;
      isAnswering = true;
      const requestId = chooseRequestId(given);
      const sendSoon = (due: Answer) => writeSoon(() => send(due, requestId));
      const answered =
        credentials === undefined
          ? answer(request.body, requestId, admitted.caller, traceparent)
          : check(credentials, requestId, admitted.caller, traceparent);
      if (answered instanceof Promise) void answered.then(sendSoon);
      else sendSoon(answered);
      return true;
    };

    const leave = (bytes: Buffer): void => {
      for (const [event, listener] of Object.entries(listeners)) socket.off(event, listener);
      serveByNode();
      socket.emit('data', bytes);
    };

    /** A client that does not wait for its answers, or does not read them, is not read from meanwhile. */
    const isBusy = () => isAnswering || socket.writableNeedDrain;

    const goOn = (): void => {
      if (waiting === undefined || isQueued || isBusy()) return;
      listeners.data(takeWaiting());
    };

    const keep = (bytes: Buffer): void => {
      if (!held.hold(peer, heldOf(bytes))) return cutOff(socket, peer, !isBusy());
      waiting = bytes;
      socket.pause();
    };

    const letGo = (): void => {
      if (waiting !== undefined) held.release(peer, heldOf(waiting));
      waiting = undefined;
    };

    const takeWaiting = (): Buffer => {
      const bytes = waiting as Buffer;
      letGo();
      socket.resume();
      return bytes;
    };

    const begin = (bytes: Buffer): void => {
      if (!tryToAnswer(bytes)) leave(bytes);
      else noteAsked();
    };

    const noteAsked = (): void => {
      if (hasAsked) return;
      hasAsked = true;
      socket.setTimeout(limits.keepAliveTimeoutMs);
    };

    const beginInTurn = (bytes: Buffer): void => {
      isQueued = true;
      // However long its turn takes: it is not the client that is late.
      noteAsked();
      let isLater = false;
      turns.run(peer, () => {
        isQueued = false;
        if (!isLater) begin(bytes);
        else if (waiting === undefined) return 0;
        else begin(takeWaiting());
        return bytes.length > smallBytes ? costOfBytes(bytes.length) : smallCost;
      });
      if (!isQueued) return;
      isLater = true;
      keep(bytes);
    };

    const endIdle = (): void => {
      if (hasAsked) socket.destroy();
      else answerBrokenRequest(Object.assign(new Error('no request'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), socket);
    };

    const listeners = {
      data(bytes: Buffer) {
        if (isBusy()) keep(bytes);
        else if (bytes.length <= smallBytes && turns.isFree(peer)) begin(bytes);
        else beginInTurn(bytes);
      },
      drain() {
        socket.setTimeout(limits.keepAliveTimeoutMs);
        goOn();
      },
      end() {
        if (!isAnswering) socket.end();
      },
      timeout: () => ifStillSilent(socket, endIdle),
      error: () => undefined,
      close: letGo,
    };
    socket.setTimeout(limits.headersTimeoutMs);
    for (const [event, listener] of Object.entries(listeners)) socket.on(event, listener);
    return { isAnswering: () => isAnswering || isQueued || socket.writableLength > 0 };
  };
}

const heldOf = ({ length }: Buffer): number => Math.max(0, length - alwaysHeldBytes);
