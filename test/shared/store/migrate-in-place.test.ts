import path from 'node:path';
import test from 'ava';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { migrate } from '../../../shared/store/migrate.ts';
import { remainingStatement } from '../../../shared/store/migrate/repeatable.ts';
import { readStatements } from '../../../shared/store/migrate/sql-file.ts';
import { findServer, loadOriginal, reserveDatabase } from './migration-database.ts';
import { rootDir } from '../../support/built.ts';

const server = await findServer();
test.after.always(() => server.stop());

/** A table gets a new number inside InnoDB whenever it is copied or rebuilt. */
async function findTableNumber(connection: Connection): Promise<number> {
  const [views] = await connection.query<RowDataPacket[]>(
    "select table_name as name from information_schema.tables where table_schema = 'information_schema' and table_name in ('INNODB_SYS_TABLES', 'INNODB_TABLES')",
  );
  const [rows] = await connection.query<RowDataPacket[]>(
    `select table_id as number from information_schema.${views[0]?.['name']} where name = concat(database(), '/cSessionInfo')`,
  );
  return Number(rows[0]?.['number']);
}

test('the migration of a filled table never copies or rebuilds it', async (t) => {
  const database = await reserveDatabase(t, server);
  const connection = await loadOriginal(database);
  const before = await findTableNumber(connection);
  t.true(before > 0);
  await migrate({ databaseUrl: database.url });
  t.is(await findTableNumber(connection), before);
  await connection.query('alter table cSessionInfo modify column user_info text not null');
  t.not(await findTableNumber(connection), before);
});

test('each statement on the sessions goes the way that it is written for', async (t) => {
  const database = await reserveDatabase(t, server);
  const connection = await loadOriginal(database);
  const [versions] = await connection.query<RowDataPacket[]>('select version() as version');
  const isMariadb = String(versions[0]?.['version']).includes('MariaDB');
  const ways = isMariadb ? ['instant', 'instant', 'nocopy', 'instant'] : ['inplace', 'instant', 'inplace', 'inplace'];
  const read = (name: string) => readStatements(path.join(rootDir, `sql/${name}.sql`));
  const statements = [
    ...(await read('0003-session-columns')),
    ...(await read('0006-keys-and-audit')).filter((statement) => statement.startsWith('alter table cSessionInfo')),
  ];
  t.is(statements.length, ways.length);
  for (const [index, statement] of statements.entries()) {
    const remaining = await remainingStatement(connection, statement);
    await t.notThrowsAsync(
      connection.query(`${remaining}, algorithm=${ways[index]}${index === 2 ? ', lock=none' : ''}`),
    );
    t.is(await remainingStatement(connection, statement), undefined);
  }
});

test('a statement that can not be repeated safely is refused', async (t) => {
  const database = await reserveDatabase(t, server);
  const connection = await loadOriginal(database);
  await t.throwsAsync(remainingStatement(connection, 'delete from cSessionInfo'), { message: /repeated safely/ });
  await t.throwsAsync(remainingStatement(connection, 'alter table cSessionInfo\n  drop column skey'), {
    message: /repeated safely/,
  });
});
