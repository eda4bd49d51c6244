import path from 'node:path';
import { QueryTypes, type Sequelize } from 'sequelize';
import type { DatabaseAddress } from '../../config/database-url.ts';
import { listMigrationNames } from '../../store/migrate.ts';
import { findObjections } from '../../store/migrate/examine.ts';
import { findSqlFolder, readStatements } from '../../store/migrate/sql-file.ts';
import { plural } from '../words.ts';
import { fault, ok, type Finding } from './finding.ts';

const noSuchColumn = 1054;

interface Expected {
  readonly table: string;
  readonly columns: readonly { readonly name: string; readonly varcharLength: number | undefined }[];
  readonly uniqueKeys: readonly string[];
}

/** Compares the database with sql/db.sql, which is what all migrations together make. */
export async function checkSchema(sequelize: Sequelize, address: DatabaseAddress): Promise<Finding[]> {
  const folder = await findSqlFolder();
  const expected = await readExpected(path.join(folder, 'db.sql'));
  const found = await readFound(sequelize);
  const missing = expected.flatMap((table) => findMissing(table, found));
  const executed = found.tables.has('cwafermigration') ? await readExecuted(sequelize) : new Set<string>();
  const pending = (await listMigrationNames()).filter((name) => !executed.has(name));
  if (pending.length === 0 && missing.length === 0)
    return [ok('database.migrations', 'none is pending'), ok('database.schema', 'all tables and columns are there')];

  const objections = await findObjections(<Row extends object>(sql: string) =>
    sequelize.query<Row>(sql, { type: QueryTypes.SELECT }),
  );
  if (objections.length > 0) {
    return objections.map((objection) =>
      fault(
        'database.schema',
        `${address.database} can not be used: it ${objection.found}`,
        `${objection.remedy}. npm run migrate refuses it until then, and changes nothing.`,
        'schema_foreign',
      ),
    );
  }
  const pendingFindings =
    pending.length === 0
      ? []
      : [
          fault(
            'database.migrations',
            `${plural(pending.length, 'migration')} did not run: ${pending.join(', ')}`,
            'npm run migrate',
            'schema_behind',
          ),
        ];
  const schemaFindings =
    missing.length === 0
      ? []
      : [fault('database.schema', `missing: ${missing.join(', ')}`, 'npm run migrate', 'schema_behind')];
  return [...pendingFindings, ...schemaFindings];
}

async function readExpected(file: string): Promise<Expected[]> {
  return (await readStatements(file)).flatMap((statement) => {
    const [, table, body] = /^create table (\w+) \(\n(.+)\n\)/s.exec(statement) ?? [];
    if (table === undefined || body === undefined) return [];
    const lines = body.split('\n').map((line) => line.trim());
    const columns = lines.flatMap((line) => {
      const [, name, length] = /^(?!primary |key |unique )(\w+) (?:varchar\((\d+)\)|\w)/.exec(line) ?? [];
      return name === undefined ? [] : [{ name, varcharLength: length === undefined ? undefined : Number(length) }];
    });
    return [{ table, columns, uniqueKeys: lines.flatMap((line) => /^unique key (\w+)/.exec(line)?.[1] ?? []) }];
  });
}

interface Found {
  /** Lower-case names: whether the case of a table's name matters depends on the server. */
  readonly tables: ReadonlySet<string>;
  readonly isCaseSensitive: boolean;
  readonly spelledTables: ReadonlySet<string>;
  /** Lengths by `table.column`, in lower case; text types have theirs too. */
  readonly columns: ReadonlyMap<string, number | null>;
  /** `table.key`, in lower case. */
  readonly uniqueKeys: ReadonlySet<string>;
}

async function readFound(sequelize: Sequelize): Promise<Found> {
  const select = <Row extends object>(sql: string) => sequelize.query<Row>(sql, { type: QueryTypes.SELECT });
  const [columns, keys, [server]] = await Promise.all([
    select<{ t: string; c: string; length: number | string | null }>(
      'select table_name as t, column_name as c, character_maximum_length as length from information_schema.columns where table_schema = database()',
    ),
    select<{ t: string; k: string }>(
      'select distinct table_name as t, index_name as k from information_schema.statistics where table_schema = database() and non_unique = 0',
    ),
    select<{ fold: number }>('select @@lower_case_table_names as fold'),
  ]);
  return {
    tables: new Set(columns.map(({ t }) => t.toLowerCase())),
    isCaseSensitive: Number(server?.fold) === 0,
    spelledTables: new Set(columns.map(({ t }) => t)),
    columns: new Map(
      columns.map(({ t, c, length }) => [`${t}.${c}`.toLowerCase(), length === null ? null : Number(length)]),
    ),
    uniqueKeys: new Set(keys.map(({ t, k }) => `${t}.${k}`.toLowerCase())),
  };
}

function findMissing({ table, columns, uniqueKeys }: Expected, found: Found): string[] {
  const isThere = found.isCaseSensitive ? found.spelledTables.has(table) : found.tables.has(table.toLowerCase());
  if (!isThere) return [`table ${table}`];
  const missingColumns = columns.flatMap(({ name, varcharLength = 0 }) => {
    const length = found.columns.get(`${table}.${name}`.toLowerCase());
    if (length === undefined) return [`column ${table}.${name}`];
    return length !== null && length < varcharLength
      ? [`width of ${table}.${name} (${length} of ${varcharLength})`]
      : [];
  });
  const missingKeys = uniqueKeys
    .filter((key) => !found.uniqueKeys.has(`${table}.${key}`.toLowerCase()))
    .map((key) => `unique key ${table}.${key}`);
  return [...missingColumns, ...missingKeys];
}

async function readExecuted(sequelize: Sequelize): Promise<Set<string>> {
  try {
    const rows = await sequelize.query<{ name: string }>('select name from cWaferMigration', {
      type: QueryTypes.SELECT,
    });
    return new Set(rows.map(({ name }) => name));
  } catch (error) {
    // A table of that name that is not ours is one of the objections.
    if ((error as { parent?: { errno?: number } }).parent?.errno === noSuchColumn) return new Set();
    throw error;
  }
}
