import { once } from 'node:events';
import { isIP, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { AbstractConnector, SentinelConnector } from 'ioredis';
import { connectToHost } from '../network/connect-to-host.ts';

interface ConnectorOptions {
  readonly host?: string;
  readonly port?: number;
  readonly tls?: object;
  readonly connectTimeout: number;
  readonly disconnectTimeout: number;
}

/** Connects ioredis to a host all of whose addresses have the whole time, in plain text or over TLS. */
export class HostConnector extends AbstractConnector {
  readonly #options: ConnectorOptions;

  constructor(options: unknown) {
    super((options as ConnectorOptions).disconnectTimeout);
    this.#options = options as ConnectorOptions;
  }

  async connect(): Promise<Socket> {
    this.connecting = true;
    const stream = await this.#open().catch((error: unknown) => {
      // A rejection would be the end of the client; a socket that has failed is tried again.
      this.firstError = error as Error;
      return new Socket().destroy();
    });
    if (!this.connecting) {
      stream.destroy();
      throw new Error('Connection is closed.');
    }
    this.stream = stream;
    return stream;
  }

  async #open(): Promise<Socket> {
    const { host = '127.0.0.1', port = 6379, tls, connectTimeout } = this.#options;
    const stream = await connectToHost({ host, port }, connectTimeout);
    if (tls === undefined) return stream;
    const secure = connectTls({ ...tls, socket: stream, host, ...(isIP(host) === 0 ? { servername: host } : {}) });
    const timer = setTimeout(() => secure.destroy(new Error('connect ETIMEDOUT: no TLS')), connectTimeout);
    try {
      // Nothing is sent before the server has shown its certificate: the password is the first thing.
      await once(secure, 'secureConnect');
      return secure;
    } finally {
      clearTimeout(timer);
    }
  }
}

interface SentinelInside {
  sentinelNatResolve(master: object | null): object | null;
  connectToSentinel(endpoint: object, options?: object): unknown;
}

/** The same for the way to Sentinels; the master is where they say. */
export class SentinelHostConnector extends SentinelConnector {}

const { connectToSentinel, sentinelNatResolve } = SentinelConnector.prototype as unknown as SentinelInside;
(SentinelHostConnector.prototype as unknown as SentinelInside).connectToSentinel = function (endpoint, options) {
  return connectToSentinel.call(this, endpoint, { ...options, Connector: HostConnector });
};

/** Mostly an address. Where it is a name each of its addresses has this long, and no longer Node's 250 ms. */
const attemptMs = 1000;
(SentinelHostConnector.prototype as unknown as SentinelInside).sentinelNatResolve = function (master) {
  const found = sentinelNatResolve.call(this, master);
  return found === null ? null : { ...found, autoSelectFamilyAttemptTimeout: attemptMs };
};
