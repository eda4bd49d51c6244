import { isIP, type Socket } from 'node:net';
import { createStoreTlsReader } from '../config/store-tls.ts';
import type { DatabaseAddress } from '../config/database-url.ts';
import { connectToHost } from '../network/connect-to-host.ts';
import { ifStillSilent } from '../async/patience.ts';

/** What mysql2 needs to speak with a server. */
interface Transport {
  readonly stream: Socket;
  /** undefined: in plain text */
  readonly ssl?: object;
}

/** Gives connections over what the address says: plain or TLS. */
export interface TransportSource {
  /**
   * Opens one and lets mysql2 greet the server over it.
   * @param greet is called a second time, in plain text, where TLS is preferred and the server has none
   */
  connect<Connection>(greet: (transport: Transport) => Promise<Connection>): Promise<Connection>;
}

/** @param limitMs for the connection, and again for every silence until `allowSilence` is called */
export function createTransportSource({ host, port, tls }: DatabaseAddress, limitMs: number): TransportSource {
  const { mode } = tls;
  const readTls = createStoreTlsReader(tls);
  const open = async () => {
    const stream = await connectToHost({ host, port }, limitMs);
    limitSilence(stream, limitMs, () => new GreetingTimeoutError(limitMs));
    if (isIP(host) !== 0) (stream as unknown as { _host: string })._host = host;
    return stream;
  };
  const greetBy = async <Connection>(greet: (transport: Transport) => Promise<Connection>, ssl: object | undefined) => {
    const stream = await open();
    try {
      return await greet(ssl === undefined ? { stream } : { stream, ssl });
    } catch (error) {
      stream.destroy();
      throw error;
    }
  };
  return {
    async connect(greet) {
      if (mode === 'DISABLED') return greetBy(greet, undefined);
      const ssl = {
        ...readTls(),
        rejectUnauthorized: mode === 'VERIFY_CA' || mode === 'VERIFY_IDENTITY',
        verifyIdentity: mode === 'VERIFY_IDENTITY',
        minVersion: 'TLSv1.2',
      };
      try {
        return await greetBy(greet, ssl);
      } catch (error) {
        if (mode !== 'PREFERRED' || !hasNoTls(error)) throw error;
        return greetBy(greet, undefined);
      }
    },
  };
}

function hasNoTls(error: unknown): boolean {
  const { code, parent } = error as { code?: string; parent?: { code?: string } };
  return (parent?.code ?? code) === 'HANDSHAKE_NO_SSL_SUPPORT';
}

/** Ends the connection if nothing is received for so long; until `allowSilence`. */
export function limitSilence(stream: Socket, limitMs: number, createError: () => Error): void {
  stream.removeAllListeners('timeout');
  stream.setTimeout(limitMs, () => ifStillSilent(stream, () => stream.destroy(createError())));
}

/** @param stream of mysql2: over TLS it has taken the place of the socket that was opened */
export function allowSilence(stream: Socket): void {
  stream.setTimeout(0);
  (stream as { _parent?: Socket })._parent?.setTimeout(0);
}

class GreetingTimeoutError extends Error {
  readonly code = 'ETIMEDOUT';

  constructor(limitMs: number) {
    super(`the database did not introduce itself within ${limitMs} ms`);
    this.name = 'GreetingTimeoutError';
  }
}
