import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { cutOff } from './cut-off.ts';
import { createHeldBytes, type HeldBytes } from './held-bytes.ts';
import { paceReading, type PacedConnection } from './paced-reading.ts';
import { createPlaces, type Peer, type PlaceLimits, type Standing } from './places.ts';
import { createTurns, type Pace, type Turns } from './turns.ts';

/** What stands between the sockets and Node's HTTP server: one address can't cost much, and does not keep others waiting. */
export interface Guard {
  readonly held: HeldBytes;
  readonly turns: Turns;
  /**
   * Ends a connection, since there is no room for what it sends.
   * @param isUnanswered the request cut off is the next to be answered
   */
  cutOff(socket: Socket, peer: Peer, isUnanswered: boolean): void;
  /** Makes a connection Node's. */
  serveByNode(socket: Socket, peer: Peer): PacedConnection;
  /** Ends connections whose TLS handshake is not done. */
  endHandshakes(): void;
}

/** Why a connection was ended: its address, or all of its standing, have enough connections, or sent too much that is not answered. */
export type RefusedConnection = 'too_many_connections' | 'too_many_bytes';

export interface GuardLimits extends PlaceLimits {
  readonly pace: Pace;
  /** Of what clients have sent and is not answered yet, all connections together; beside 4 kB of each. Of one address it is a part. */
  readonly heldBytes: number;
}

type Serve = (this: Server, socket: Socket) => void;

/** A handshake is as much work as so many requests. */
const handshakeCost = 4;

/**
 * Takes the place of Node's own listeners for new connections, once the server has its listeners for requests.
 * @param onConnection is told of each that may stay, after its TLS handshake; gives it to `serveByNode`, at once or later
 * @param onRefused is told of each that was ended, and why
 */
export function guardServer(
  server: Server,
  isSecure: boolean,
  deps: {
    readonly limits: GuardLimits;
    readonly standingOf: (address: string) => Standing;
    readonly onRefused: (address: string, standing: Standing, reason: RefusedConnection) => void;
    readonly onConnection: (socket: Socket, peer: Peer) => void;
  },
): Guard {
  const { limits, standingOf, onRefused, onConnection } = deps;
  const places = createPlaces(limits, standingOf);
  const turns = createTurns(limits.pace);
  const held = createHeldBytes(limits.heldBytes);
  const connections = new WeakMap<Socket, PacedConnection>();
  /** Whose TLS handshake is not done, by the other end: the socket behind TLS is another object. */
  const handshakes = new Map<string, Socket>();

  const begin = ({ socket }: IncomingMessage, response: ServerResponse) => connections.get(socket)?.began(response);
  for (const event of ['request', 'checkContinue', 'checkExpectation']) {
    // Node answers by itself what nobody listens for.
    if (server.listenerCount(event) > 0) server.prependListener(event, begin);
  }

  const admit = (socket: Socket, proceed: (peer: Peer) => void): void => {
    // A client that has gone has no address any more.
    const { remoteAddress: address } = socket;
    const peer = address === undefined ? undefined : places.enter(address);
    if (peer === undefined) {
      socket.destroy();
      if (address !== undefined) onRefused(address, standingOf(address), 'too_many_connections');
      return;
    }
    socket.once('close', () => places.leave(peer));
    proceed(peer);
  };
  const serve = replaceListener(server, isSecure ? 'secureConnection' : 'connection', (socket) => {
    if (!isSecure) return admit(socket, (peer) => onConnection(socket, peer));
    handshakes.delete(otherEndOf(socket));
    const peer = places.find(socket.remoteAddress ?? '');
    if (peer === undefined) socket.destroy();
    else onConnection(socket, peer);
  });
  if (isSecure) {
    const shakeHands = replaceListener(server, 'connection', (socket) =>
      admit(socket, (peer) => {
        socket.on('error', () => undefined);
        const otherEnd = otherEndOf(socket);
        handshakes.set(otherEnd, socket);
        socket.once('close', () => {
          if (handshakes.get(otherEnd) === socket) handshakes.delete(otherEnd);
        });
        turns.run(peer, () => {
          if (socket.destroyed) return 0;
          shakeHands.call(server, socket);
          return handshakeCost;
        });
      }),
    );
  }
  const cutOffTold: Guard['cutOff'] = (socket, peer, isUnanswered) => {
    const { remoteAddress: address } = socket;
    cutOff(socket, isUnanswered);
    if (address !== undefined) onRefused(address, peer.standing, 'too_many_bytes');
  };
  return {
    held,
    turns,
    cutOff: cutOffTold,
    serveByNode(socket, peer) {
      const onTooMuch = (isUnanswered: boolean) => cutOffTold(socket, peer, isUnanswered);
      const paced = paceReading(socket, (own) => serve.call(server, own), { peer, turns, held, onTooMuch });
      connections.set(socket, paced);
      return paced;
    },
    endHandshakes() {
      for (const socket of handshakes.values()) socket.destroy();
    },
  };
}

const otherEndOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

/** @returns Node's own listener */
function replaceListener(server: Server, event: string, listener: (socket: Socket) => void): Serve {
  const [own] = server.listeners(event) as [Serve];
  server.removeAllListeners(event);
  server.on(event, listener);
  return own;
}
