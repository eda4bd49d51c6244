import { createConnection } from 'mysql2/promise';
import type { DatabaseAddress } from '../config/database-url.ts';
import { createTransportSource } from './database-socket.ts';

/** ER_SECURE_TRANSPORT_REQUIRED */
const secureTransportErrno = 3159;
const accessDeniedErrno = 1045;
const limitMs = 2000;

/**
 * Whether a server has refused a connection for being in plain text. For a user who must use TLS it says the same as for a wrong password, so
 * this tries whether TLS makes the difference.
 */
export async function wantsTls(address: DatabaseAddress, error: unknown): Promise<boolean> {
  if (address.tls.mode !== 'DISABLED') return false;
  const { errno, message = '' } = (error ?? {}) as { errno?: number; message?: string };
  if (errno === secureTransportErrno || /insecure transport/i.test(message)) return true;
  if (errno !== accessDeniedErrno) return false;
  try {
    const source = createTransportSource({ ...address, tls: { mode: 'REQUIRED' } }, limitMs);
    const connection = await source.connect((transport) =>
      createConnection({
        ...transport,
        host: address.host,
        user: address.username,
        password: address.password,
        connectTimeout: 0,
      }),
    );
    connection.destroy();
    return true;
  } catch {
    return false;
  }
}
