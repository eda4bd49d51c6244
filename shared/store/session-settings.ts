/**
 * Everything of a session that our statements rely on. A server's global settings, its init_connect and its option file reach
 * every session, so each connection sets all of these, in one round trip. Some exist in MySQL alone or in MariaDB alone, or not in
 * every version: what a server does not know it can't have set otherwise either.
 */
const settings: Readonly<Record<string, string>> = {
  // What values are escaped for, and how they are stored: too long is an error, and a zero date of old rows is none.
  character_set_client: 'utf8mb4',
  character_set_results: 'utf8mb4',
  character_set_connection: 'utf8mb4',
  collation_connection: 'utf8mb4_unicode_ci',
  sql_mode: "'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'",
  // `utf8` is the three bytes of the original's tables.
  old_mode: "'UTF8_IS_UTF8MB3'",
  time_zone: "'+08:00'",
  // Every statement is a transaction of its own unless it is in one.
  autocommit: '1',
  completion_type: '0',
  transaction_isolation: "'REPEATABLE-READ'",
  tx_isolation: "'REPEATABLE-READ'",
  transaction_read_only: '0',
  tx_read_only: '0',
  // Nothing is refused, cut or left out.
  sql_safe_updates: '0',
  sql_big_selects: '1',
  sql_select_limit: '18446744073709551615',
  group_concat_max_len: '1048576',
  sql_auto_is_null: '0',
  unique_checks: '1',
  foreign_key_checks: '1',
  check_constraint_checks: '1',
  // How tables are read and made.
  sql_quote_show_create: '1',
  default_storage_engine: 'InnoDB',
  alter_algorithm: "'DEFAULT'",
  // Our own time-outs end what takes too long, and the pool ends what is idle.
  max_execution_time: '0',
  max_statement_time: '0',
  wait_timeout: '28800',
  idle_transaction_timeout: '0',
  idle_readonly_transaction_timeout: '0',
  idle_write_transaction_timeout: '0',
  net_read_timeout: '30',
  net_write_timeout: '60',
  // Shorter than a mark of the session cache: a change that comes after its mark's end would leave the entry of before.
  innodb_lock_wait_timeout: '20',
  lock_wait_timeout: '86400',
};

/** Without these a statement would be read otherwise than it was meant: a server that does not take them can't be used. */
const needed = new Set(['character_set_client', 'character_set_connection', 'sql_mode', 'autocommit']);

/** The server does not know a variable, does not let it be set, or does not know the value: ER_UNKNOWN_SYSTEM_VARIABLE, … */
const notSettable = new Set([1193, 1227, 1228, 1231, 1238, 1621]);

/**
 * What makes a session ours, for connections to one server. It finds out which variables the server has, and remembers it.
 * @param own settings that this user of the database needs otherwise
 */
export function createSessionSetter(
  own: Readonly<Record<string, string>> = {},
): (query: (sql: string) => Promise<unknown>) => Promise<void> {
  const wanted = { ...settings, ...own };
  const unknown = new Set<string>();
  return async (query) => {
    for (;;) {
      const names = Object.keys(wanted).filter((name) => !unknown.has(name));
      try {
        await query(`set ${names.map((name) => `session ${name} = ${wanted[name]}`).join(', ')}`);
        return;
      } catch (error) {
        const name = findRefused(error, names);
        if (name === undefined || needed.has(name)) throw error;
        unknown.add(name);
      }
    }
  };
}

/** Which of these the server has refused; its message names it, in whatever language. */
function findRefused(error: unknown, names: readonly string[]): string | undefined {
  const { errno = 0, message = '' } = error as { errno?: number; message?: string };
  if (!notSettable.has(errno)) return undefined;
  return names.find((name) => new RegExp(`\\b${name}\\b`).test(message));
}
