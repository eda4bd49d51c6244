import type { DatabaseAddress } from '../../config/database-url.ts';
import { wantsTls } from '../../store/wants-tls.ts';
import { fault, type Finding } from './finding.ts';

const check = 'database.reachable';

/** What TLS has to do with a connection that failed; undefined: nothing. */
export async function describeTlsFault(error: unknown, address: DatabaseAddress): Promise<Finding | undefined> {
  const place = `${address.host}:${address.port}`;
  const cause = (error as { parent?: { code?: string; message?: string } }).parent;
  if (cause?.code === 'HANDSHAKE_NO_SSL_SUPPORT') {
    return fault(
      check,
      `MySQL at ${place} offers no TLS, and DATABASE_URL says ssl-mode=${address.tls.mode}`,
      'Give the server a certificate (ssl-cert and ssl-key in my.cnf), or take ssl-mode out of DATABASE_URL if the way there is safe.',
      'database_tls',
    );
  }
  if (cause?.code === 'HANDSHAKE_SSL_ERROR') {
    return fault(
      check,
      `TLS with MySQL at ${place} fails: ${cause.message ?? 'unknown'}`,
      `ssl-ca in DATABASE_URL must be the CA that signed the server's certificate, and with VERIFY_IDENTITY ${address.host} must stand in it. See it: openssl s_client -starttls mysql -connect ${place} -showcerts`,
      'database_tls',
    );
  }
  if (!(await wantsTls(address, cause))) return undefined;
  return fault(
    check,
    `MySQL at ${place} lets ${address.username} in over TLS alone, and DATABASE_URL does not ask for it`,
    'Add ?ssl-mode=REQUIRED to DATABASE_URL; better ?ssl-mode=VERIFY_IDENTITY&ssl-ca=<file of the CA>.',
    'database_wants_tls',
  );
}
