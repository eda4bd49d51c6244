import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { UmzugStorage } from 'umzug';

/** Keeps the names of the migrations that ran in cWaferMigration, a table that it makes itself. */
export async function createMigrationStorage(connection: Connection): Promise<UmzugStorage> {
  await connection.query(`create table if not exists cWaferMigration (
    name varchar(100) not null,
    ran_at datetime not null default current_timestamp,
    primary key (name)
  ) engine=InnoDB default charset=utf8mb4 collate=utf8mb4_unicode_ci`);
  return {
    async executed() {
      const [rows] = await connection.query<RowDataPacket[]>('select name from cWaferMigration order by name');
      return rows.map((row) => String(row['name']));
    },
    async logMigration({ name }) {
      await connection.query('insert into cWaferMigration (name) values (?)', [name]);
    },
    unlogMigration({ name }) {
      return Promise.reject(new Error(`${name} can't be undone: migrations only go forward`));
    },
  };
}
