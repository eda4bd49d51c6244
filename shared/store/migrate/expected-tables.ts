import path from 'node:path';
import { createStatement } from './storage.ts';
import { findSqlFolder, listSqlFiles, readStatements } from './sql-file.ts';

export interface ExpectedColumn {
  /** As it is spelled in sql/. */
  readonly name: string;
  /** What follows the name in sql/, such as `varchar(100) not null`. */
  readonly definition: string;
  /** Of a column that is added to a table of the original: the statement that adds it, which makes all of its columns or none. */
  readonly addedBy?: string;
  /** Characters that the migrations widen it to; undefined: they leave its width. */
  readonly widenedTo?: number;
}

export interface ExpectedTable {
  readonly name: string;
  /** One of the two that the original makes; the others are this server's own. */
  readonly isOriginal: boolean;
  readonly columns: readonly ExpectedColumn[];
}

/** The file whose tables the original makes too. */
const originalFile = '0001-original-tables.sql';

/** What the migrations make of an empty database and expect of another, by reading their statements. */
export async function readExpectedTables(): Promise<ExpectedTable[]> {
  const folder = await findSqlFolder();
  const tables = new Map<string, ExpectedTable>();
  const add = (statement: string, isOriginal: boolean) => {
    const [, name, body] = /^(?:create table if not exists|alter table) (\w+)\s+(.+)$/is.exec(statement) ?? [];
    if (name === undefined || body === undefined) return;
    const table = tables.get(name) ?? { name, isOriginal, columns: [] };
    tables.set(name, {
      ...table,
      columns: readColumns(table.columns, body, /^create/i.test(statement) ? undefined : statement),
    });
  };
  for (const file of await listSqlFiles(folder)) {
    for (const statement of await readStatements(path.join(folder, file))) add(statement, file === originalFile);
  }
  add(createStatement, false);
  return [...tables.values()];
}

function readColumns(before: readonly ExpectedColumn[], body: string, addedBy: string | undefined): ExpectedColumn[] {
  let columns = [...before];
  for (const line of body.split('\n').map((text) => text.trim().replace(/,$/, ''))) {
    const [, verb = '', name, definition] =
      /^(?!primary |key |unique |add key|add unique|add primary|\()(add column |modify column )?(\w+) (.+)$/i.exec(
        line,
      ) ?? [];
    if (name === undefined || definition === undefined) continue;
    if (/^modify/i.test(verb)) {
      const widenedTo = Number(/^varchar\((\d+)\)/i.exec(definition)?.[1]);
      columns = columns.map((column) => (column.name === name ? { ...column, widenedTo } : column));
    } else if (addedBy === undefined ? verb === '' && !line.startsWith(')') : /^add/i.test(verb)) {
      columns.push({ name, definition, ...(addedBy !== undefined && { addedBy }) });
    }
  }
  return columns;
}
