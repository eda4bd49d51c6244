import { Agent as HttpAgent, type AgentOptions } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import { callbackify } from 'node:util';
import { connectToHost } from '../network/connect-to-host.ts';

const connect = callbackify(connectToHost);
const limitMs = 10_000;

interface Target {
  readonly host: string;
  readonly port: number | string;
}
type Done = (error: Error | null, socket?: Socket) => void;
/** As Node documents it: a socket that comes later is given to `done`. */
interface Inside {
  createConnection(target: object, done: Done): Socket | undefined;
}

/** An agent of Node's that connects to a host all of whose addresses have the whole time. */
export function createHostAgent(isTls: boolean, options: AgentOptions): HttpAgent {
  const agent = isTls ? new HttpsAgent(options) : new HttpAgent(options);
  const inside = agent as unknown as Inside;
  const connectOver = inside.createConnection.bind(agent);
  inside.createConnection = (target, done) => {
    const { host, port } = target as Target;
    connect({ host, port: Number(port) }, limitMs, (error, socket) => {
      if (error === null) done(null, isTls ? connectOver({ ...target, socket }, done) : socket);
      else done(error);
    });
    return undefined;
  };
  return agent;
}
