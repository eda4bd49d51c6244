import { parseDatabaseTls, type DatabaseTls } from './database-tls.ts';
import { decodePart, encodingHint, refuseUnencoded } from './url-characters.ts';

export interface DatabaseAddress {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  /** Name of the database, `cAuth` as a rule. */
  readonly database: string;
  readonly tls: DatabaseTls;
}

/**
 * Parses `mysql://user:password@host:port/cAuth`, with `?ssl-mode=…&ssl-ca=…` for TLS.
 * @throws {TypeError} with what is wrong, never with a part of it.
 */
export function parseDatabaseUrl(text: string): DatabaseAddress {
  refuseUnencoded(text);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['mysql:', 'mariadb:'].includes(url.protocol) || url.hostname === '') {
    throw new TypeError(`must look like mysql://user:password@host:port/cAuth; ${encodingHint}`);
  }
  const database = decodePart(url.pathname.slice(1));
  if (database === '' || database.includes('/'))
    throw new TypeError(`must end in the name of the database, such as /cAuth; ${encodingHint}`);
  if (url.username === '')
    throw new TypeError(`must name a user: mysql://user:password@host:port/cAuth; ${encodingHint}`);
  if (url.hash !== '') throw new TypeError('has a #: write %23 for it');
  return {
    tls: parseDatabaseTls(url.search.slice(1)),
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 3306 : Number(url.port),
    username: decodePart(url.username),
    password: decodePart(url.password),
    database,
  };
}
