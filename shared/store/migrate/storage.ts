import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { UmzugStorage } from 'umzug';

export const createStatement = `create table if not exists cWaferMigration (
  name varchar(100) not null,
  ran_at datetime not null default current_timestamp,
  primary key (name)
) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci`;

const noSuchTable = 1146;
const noSuchColumn = 1054;

/** The names of the migrations that ran; none where the table of that name is missing, or is not ours. */
export async function readRecorded(connection: Connection): Promise<Set<string>> {
  try {
    const [rows] = await connection.query<RowDataPacket[]>('select name from cWaferMigration');
    return new Set(rows.map((row) => String(row['name'])));
  } catch (error) {
    if (![noSuchTable, noSuchColumn].includes((error as { errno?: number }).errno ?? 0)) throw error;
    return new Set();
  }
}

/**
 * Keeps the names of the migrations that ran in cWaferMigration, a table that it makes itself.
 * @param recorded those that need not run
 */
export async function createMigrationStorage(
  connection: Connection,
  recorded: ReadonlySet<string>,
): Promise<UmzugStorage> {
  await connection.query(createStatement);
  return {
    async executed() {
      return [...recorded];
    },
    async logMigration({ name }) {
      await connection.query(
        'insert into cWaferMigration (name) values (?) on duplicate key update ran_at = current_timestamp',
        [name],
      );
    },
    unlogMigration({ name }) {
      return Promise.reject(new Error(`${name} can't be undone: migrations only go forward`));
    },
  };
}
