import type { DatabaseAddress } from '../config/database-url.ts';

/** What a running server says against a client, in our words. */
export interface ServerAnswer {
  /** One word for programs, such as `database_account_locked`. */
  readonly cause: string;
  /** The rest of a sentence that begins with the server. */
  readonly found: string;
  readonly remedy: string;
}

interface Driver {
  readonly errno?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
}

type Explain = (address: DatabaseAddress, message: string) => ServerAnswer;

const answer = (cause: string, found: string, remedy: string): ServerAnswer => ({ cause, found, remedy });
const user = ({ username }: DatabaseAddress) => `'${username}'@'…'`;
const asAdministrator = 'As an administrator of the server:';

const tooMany =
  (found: string): Explain =>
  () =>
    answer(
      'database_too_many_connections',
      found,
      'Raise max_connections (set global max_connections = …, and in my.cnf; for one user: alter user … with max_user_connections 0), or lower DATABASE_POOL: each web and worker process opens up to that many. Who has them: show processlist',
    );

/** Of one user; the server names it, and nothing else of its message is told. */
const userLimit: Explain = (address, message) => {
  const resource = /'(max_(?:queries|updates|connections)_per_hour|max_statement_time|max_user_connections)'/.exec(
    message,
  )?.[1];
  if (resource === 'max_user_connections') return tooMany('has no connection left for this user')(address, message);
  return answer(
    'database_user_limit',
    `lets ${address.username} do no more in this hour (${resource ?? 'a limit of this user'} is used up)`,
    `${asAdministrator} alter user ${user(address)} with ${resource ?? 'max_queries_per_hour'} 0. Without that it goes on when the hour is over`,
  );
};

const locked: Explain = (address) =>
  answer(
    'database_account_locked',
    `has locked the account ${address.username}`,
    `${asAdministrator} alter user ${user(address)} account unlock`,
  );
const expired: Explain = (address) =>
  answer(
    'database_password_expired',
    `says that the password of ${address.username} has expired`,
    `${asAdministrator} alter user ${user(address)} identified by '…' password expire never; then the new password in DATABASE_URL`,
  );
const noRights =
  (what: string): Explain =>
  (address) =>
    answer(
      'access_denied',
      `gives the user ${address.username} no right to ${what}`,
      `${asAdministrator} grant create, alter, index, select, insert, update, delete on \`${address.database}\`.* to ${user(address)}`,
    );

/** By errno: MySQL and MariaDB number some of their errors differently, and mysql2 gives MariaDB's numbers the names of MySQL's. */
const answers: Readonly<Record<number, Explain>> = {
  1040: tooMany('has too many connections'),
  1203: tooMany('has no connection left for this user'),
  1226: userLimit,
  1044: noRights('use this database'),
  1142: noRights('work with a table'),
  1143: noRights('work with a column'),
  1045: ({ username }) =>
    answer(
      'access_denied',
      `refuses the user ${username} or the password`,
      'Correct user and password in DATABASE_URL (special characters are percent-encoded there), and see that the user may come from this machine: select user, host from mysql.user. A MariaDB that wants TLS (require_secure_transport) says the same: ?ssl-mode=REQUIRED',
    ),
  1698: (address) =>
    answer(
      'access_denied',
      `takes no password of ${address.username}, who logs in by the account of the machine (auth_socket, unix_socket)`,
      `Name a user with a password in DATABASE_URL, or, as an administrator of the server: alter user ${user(address)} identified by '…'`,
    ),
  1049: ({ database }) => answer('database_missing', `has no database ${database}`, 'npm run migrate'),
  1053: () => answer('database_stopping', 'is shutting down', 'Wait until it is back'),
  1129: () =>
    answer(
      'database_host_blocked',
      'has blocked this machine after too many broken connections',
      `${asAdministrator} flush hosts (MySQL 8.0.23 and newer: truncate table performance_schema.host_cache); then find what breaks off: a health check without a log-in, a firewall`,
    ),
  1130: (address) =>
    answer(
      'database_host_refused',
      'lets nobody in from this machine',
      `${asAdministrator} create user '${address.username}'@'<address of this machine>' identified by '…', and grant it the rights`,
    ),
  1251: ({ username }) =>
    answer(
      'database_auth_plugin',
      `wants another way to log in for ${username} than this server has`,
      'Give the user a common one: alter user … identified with mysql_native_password (MariaDB), caching_sha2_password (MySQL)',
    ),
  1820: expired,
  1862: expired,
  3118: locked,
  4151: locked,
  3955: (address) =>
    answer(
      'database_account_locked',
      `has locked the account ${address.username} after too many wrong passwords`,
      `${asAdministrator} alter user ${user(address)} account unlock; then find who has the wrong one`,
    ),
  4150: ({ username }) =>
    answer(
      'database_account_locked',
      `has locked the account ${username} after too many wrong passwords`,
      `${asAdministrator} flush privileges; then find who has the wrong one`,
    ),
  3159: ({ username }) =>
    answer(
      'database_wants_tls',
      `lets ${username} in over TLS alone`,
      'Add ?ssl-mode=REQUIRED to DATABASE_URL; better ?ssl-mode=VERIFY_IDENTITY&ssl-ca=<file of the CA>',
    ),
  3032: () =>
    answer(
      'database_offline',
      'is in offline mode, where it lets administrators in alone',
      `${asAdministrator} set global offline_mode = off, when whoever set it is done`,
    ),
};

const firstErrno = 1000;

/**
 * @param error as the driver threw it
 * @returns undefined if no server answered; an error that has no words here is an answer too
 */
export function explainAnswer(error: unknown, address: DatabaseAddress): ServerAnswer | undefined {
  const { errno, code, message } = (error ?? {}) as Driver;
  const text = typeof message === 'string' ? message : '';
  const plugin = /unknown plugin ([\w-]{1,64})/.exec(text)?.[1];
  if (plugin !== undefined) {
    return answer(
      'database_auth_plugin',
      `wants ${address.username} to log in by ${plugin}, which this server does not have`,
      `${asAdministrator} alter user ${user(address)} identified via mysql_native_password using password('…') (MariaDB), identified with caching_sha2_password by '…' (MySQL)`,
    );
  }
  if (typeof errno !== 'number' || errno < firstErrno) return undefined;
  const explain = answers[errno];
  if (explain !== undefined) {
    const explained = explain(address, text);
    return { ...explained, found: `${explained.found} (${errno})` };
  }
  const name = typeof code === 'string' && /^[\w-]{1,80}$/.test(code) ? `, ${code}` : '';
  return answer(
    'database_answers',
    `answers with the error ${errno}${name}`,
    `Look the number up: perror ${errno}, or https://mariadb.com/kb/en/mariadb-error-code-${errno}/ (MariaDB)`,
  );
}
