import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { alwaysHeldBytes, type HeldBytes } from './held-bytes.ts';
import type { Peer } from './places.ts';
import { costOfBytes, type Turns } from './turns.ts';

/** A connection that Node's HTTP server reads. */
export interface PacedConnection {
  /** A request of it is in hand or waits. */
  isBusy(): boolean;
  /** Node has read a request. */
  began(response: ServerResponse): void;
}

/**
 * Requests of one connection that are not answered yet, before no more of it is read. Of the last one the body may still be to come: one alone
 * could wait for itself.
 */
const mostUnanswered = 4;
/** Node is given at least so many bytes at once, and reads every request in them: the shortest that it accepts has 25. */
const leastPieceBytes = 128;
const endOfHead = Buffer.from('\r\n\r\n');

/**
 * Gives Node's HTTP server what a client sends only as fast as it is answered. Node itself reads all requests that have come, thousands in one
 * piece, and keeps each with its answer until those before it are answered (RFC 9112, 9.3.2 allows clients to send so).
 * @param serveByNode makes the connection Node's
 * @param onTooMuch ends the connection, since there is no room for what it sends; is told whether an answer of its own would be the next
 */
export function paceReading(
  socket: Socket,
  serveByNode: (socket: Socket) => void,
  deps: {
    readonly peer: Peer;
    readonly turns: Turns;
    readonly held: HeldBytes;
    readonly onTooMuch: (isUnanswered: boolean) => void;
  },
): PacedConnection {
  const { peer, turns, held, onTooMuch } = deps;
  /** What Node has not been given. While there is some, nothing is read. */
  let waiting: Buffer | undefined;
  /** Requests in hand, in their order: what had been given to Node before each, at least, and its answer. */
  const inHand: { readonly after: number; readonly response: ServerResponse }[] = [];
  let isQueued = false;
  let isGiving = false;
  /** Bytes of the connection so far: those that came, those given to Node, also without the piece that it reads now, and those whose requests are answered. */
  let came = 0;
  let given = 0;
  let givenBefore = 0;
  let answered = 0;
  /** Of those that are not answered so many are held. */
  let heldBytes = 0;

  serveByNode(socket);
  const [giveToNode] = socket.listeners('data') as [(bytes: Buffer) => void];
  socket.removeListener('data', giveToNode);

  const hold = (bytes: number): boolean => {
    came += bytes;
    const more = came - answered - alwaysHeldBytes - heldBytes;
    if (more <= 0) return true;
    if (!held.hold(peer, more)) return false;
    heldBytes += more;
    return true;
  };
  /** @param upTo a number of bytes of the connection */
  const release = (upTo: number): void => {
    answered = upTo;
    const less = heldBytes - Math.max(0, came - answered - alwaysHeldBytes);
    if (less <= 0) return;
    held.release(peer, less);
    heldBytes -= less;
  };

  socket.on('data', (bytes: Buffer) => {
    if (!hold(bytes.length)) {
      const [first] = inHand;
      waiting = undefined;
      onTooMuch(first === undefined || (inHand.length === 1 && !first.response.headersSent));
      return;
    }
    waiting = waiting === undefined ? bytes : Buffer.concat([waiting, bytes]);
    goOn();
    if (waiting !== undefined) stop();
  });
  socket.once('close', () => {
    waiting = undefined;
    release(came);
  });
  // Node stops and goes on for reasons of its own, which are kept apart from those here.
  let isStoppedByNode = false;
  const { pause, resume } = socket;
  const stop = () => void pause.call(socket);
  socket.pause = () => {
    isStoppedByNode = true;
    return pause.call(socket);
  };
  socket.resume = () => {
    isStoppedByNode = false;
    if (waiting === undefined) return resume.call(socket);
    goOn();
    return socket;
  };

  const mayGoOn = () => waiting !== undefined && !isStoppedByNode && inHand.length < mostUnanswered;

  const goOn = (): void => {
    // While Node reads a piece it may ask for the next.
    if (isQueued || isGiving || !mayGoOn()) return;
    isQueued = true;
    turns.run(peer, giveNext);
  };

  const giveNext = (): number => {
    isQueued = false;
    if (waiting === undefined || !mayGoOn()) return 0;
    // After what was no request Node has answered with an error: nothing that follows is one.
    if (!socket.writable) {
      waiting = undefined;
      return 0;
    }
    const before = inHand.length;
    const end = endOfPiece(waiting);
    const piece = waiting.subarray(0, end);
    waiting = end < waiting.length ? waiting.subarray(end) : undefined;
    givenBefore = given;
    given += piece.length;
    isGiving = true;
    giveToNode(piece);
    isGiving = false;
    goOn();
    if (waiting === undefined && !isStoppedByNode) resume.call(socket);
    return Math.max(inHand.length - before, costOfBytes(piece.length));
  };

  return {
    isBusy: () => inHand.length > 0 || waiting !== undefined,
    began(response) {
      inHand.push({ after: givenBefore, response });
      response.once('close', () => {
        // Answers go out in the order of their requests.
        inHand.shift();
        release(inHand[0]?.after ?? given);
        if (waiting !== undefined) goOn();
      });
    },
  };
}

/** All that there is, if it is a request and its body; else to the end of a head. */
function endOfPiece(bytes: Buffer): number {
  const end = bytes.indexOf(endOfHead, leastPieceBytes) + endOfHead.length;
  return end < endOfHead.length || bytes.indexOf(endOfHead, end) < 0 ? bytes.length : end;
}
