export interface DatabaseAddress {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  /** Name of the database, `cAuth` as a rule. */
  readonly database: string;
}

/**
 * Parses `mysql://user:password@host:port/cAuth`.
 * @throws {TypeError} with what is wrong, never with the password.
 */
export function parseDatabaseUrl(text: string): DatabaseAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['mysql:', 'mariadb:'].includes(url.protocol) || url.hostname === '') {
    throw new TypeError('must look like mysql://user:password@host:port/cAuth');
  }
  const database = decodeURIComponent(url.pathname.slice(1));
  if (database === '' || database.includes('/'))
    throw new TypeError('must end in the name of the database, such as /cAuth');
  if (url.username === '') throw new TypeError('must name a user: mysql://user:password@host:port/cAuth');
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 3306 : Number(url.port),
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database,
  };
}
