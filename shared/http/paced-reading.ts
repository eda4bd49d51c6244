import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { HeldBytes } from './held-bytes.ts';
import type { Peer } from './places.ts';
import type { Turns } from './turns.ts';

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
/** Each connection may send so much, whatever the others hold: a usual request. */
const alwaysHeldBytes = 4096;
const endOfHead = Buffer.from('\r\n\r\n');

/**
 * Gives Node's HTTP server what a client sends only as fast as it is answered. Node itself reads all requests that have come, thousands in one
 * piece, and keeps each with its answer until those before it are answered (RFC 9112, 9.3.2 allows clients to send so).
 * @param serveByNode makes the connection Node's
 */
export function paceReading(
  socket: Socket,
  serveByNode: (socket: Socket) => void,
  { peer, turns, held }: { readonly peer: Peer; readonly turns: Turns; readonly held: HeldBytes },
): PacedConnection {
  /** What Node has not been given. While there is some, nothing is read. */
  let waiting: Buffer | undefined;
  let unanswered = 0;
  let isQueued = false;
  let isGiving = false;
  /** Bytes since everything was last answered, and how many of them are held. */
  let cameBytes = 0;
  let heldBytes = 0;

  serveByNode(socket);
  const [giveToNode] = socket.listeners('data') as [(bytes: Buffer) => void];
  socket.removeListener('data', giveToNode);

  const hold = (bytes: number): boolean => {
    cameBytes += bytes;
    const more = cameBytes - alwaysHeldBytes - heldBytes;
    if (more <= 0) return true;
    if (!held.hold(more)) return false;
    heldBytes += more;
    return true;
  };
  const release = (): void => {
    held.release(heldBytes);
    heldBytes = 0;
    cameBytes = 0;
  };

  socket.on('data', (bytes: Buffer) => {
    if (!hold(bytes.length)) {
      socket.destroy();
      return;
    }
    waiting = waiting === undefined ? bytes : Buffer.concat([waiting, bytes]);
    goOn();
    if (waiting !== undefined) stop();
  });
  socket.once('close', () => {
    waiting = undefined;
    release();
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

  const mayGoOn = () => waiting !== undefined && !isStoppedByNode && unanswered < mostUnanswered;

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
    const before = unanswered;
    const end = endOfPiece(waiting);
    const piece = waiting.subarray(0, end);
    waiting = end < waiting.length ? waiting.subarray(end) : undefined;
    isGiving = true;
    giveToNode(piece);
    isGiving = false;
    goOn();
    if (waiting === undefined && !isStoppedByNode) resume.call(socket);
    return Math.max(unanswered - before, 1);
  };

  return {
    isBusy: () => unanswered > 0 || waiting !== undefined,
    began(response) {
      unanswered++;
      response.once('close', () => {
        unanswered--;
        if (waiting !== undefined) goOn();
        else if (unanswered === 0) release();
      });
    },
  };
}

/** All that there is, if it is a request and its body; else to the end of a head. */
function endOfPiece(bytes: Buffer): number {
  const end = bytes.indexOf(endOfHead, leastPieceBytes) + endOfHead.length;
  return end < endOfHead.length || bytes.indexOf(endOfHead, end) < 0 ? bytes.length : end;
}
