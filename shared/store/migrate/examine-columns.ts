import type { ExpectedColumn, ExpectedTable } from './expected-tables.ts';
import type { FoundColumn, FoundTable } from './found-tables.ts';
import type { Objection } from './objection.ts';

const integers = ['tinyint', 'smallint', 'mediumint', 'int', 'bigint'];
const texts = ['text', 'mediumtext', 'longtext'];

/** The Go port's own column: any width and nullability of it will do, for it holds an appid as ours does. */
const isKnownToVary = (table: ExpectedTable, column: string) => table.name === 'cSessionInfo' && column === 'appid';

/** @param hasOurs tables of this server are in the database */
export function judgeColumn(
  table: ExpectedTable,
  column: ExpectedColumn,
  { columns }: FoundTable,
  hasOurs: boolean,
): Objection[] {
  const { name, definition, addedBy } = column;
  const found = columns.get(name.toLowerCase());
  if (found === undefined) return [];
  const isOurs = hasOurs || isWhole(table, column, columns);
  const varies = isKnownToVary(table, name);
  if (addedBy !== undefined && !isOurs && !varies)
    return [
      {
        found: `has a column ${table.name}.${found.name} of another program, by a name that this server needs`,
        remedy: `Rename it: alter table ${table.name} change ${found.name} …`,
      },
    ];
  const wanted = `alter table ${table.name} modify ${name} ${definition}`;
  const object = (text: string, remedy = wanted) => [
    { found: `has a column ${table.name}.${found.name} ${text}`, remedy },
  ];
  if (!holds(definition, found)) {
    const isTimestamp = found.dataType === 'timestamp';
    return object(
      `of the type ${found.columnType} instead of ${/^\w+(?:\(\d+\))?/.exec(definition)?.[0] ?? definition}`,
      `${isTimestamp ? "As times are kept in UTC+8: set time_zone = '+08:00'; " : ''}${wanted}`,
    );
  }
  if (found.isGenerated) return object('that is generated, and so takes no value');
  if (found.changesOnUpdate) return object('that changes at each update', wanted);
  const isNotNull = /\bnot null\b/i.test(definition);
  // Null profiles are read as none.
  if (isNotNull && found.isNullable && name !== 'user_info' && addedBy === undefined) return object('that may be null');
  if (!isNotNull && !found.hasDefault && !varies) return object('that has no default');
  return [];
}

/** Whether all columns are there that come by one statement: then it was ours, though nothing else says so. */
function isWhole(expected: ExpectedTable, { addedBy }: ExpectedColumn, found: FoundTable['columns']): boolean {
  const together = expected.columns.filter((column) => column.addedBy === addedBy);
  return together.every(({ name }) => found.has(name.toLowerCase()));
}

/** Whether a column that was found holds all that one of this definition does. */
function holds(definition: string, { dataType, characters, octets }: FoundColumn): boolean {
  const [, type = '', length] = /^(\w+)(?:\((\d+)\))?/.exec(definition.toLowerCase()) ?? [];
  if (type === 'varchar')
    return texts.includes(dataType) || (dataType === 'varchar' && (characters ?? 0) >= Number(length));
  if (type.endsWith('text')) return texts.includes(dataType) && texts.indexOf(dataType) >= texts.indexOf(type);
  if (type === 'varbinary') return dataType.endsWith('blob') || (dataType === type && (octets ?? 0) >= Number(length));
  if (type === 'binary') return dataType === type && octets === Number(length);
  if (integers.includes(type)) return integers.indexOf(dataType) >= integers.indexOf(type);
  return dataType === type;
}

/** Columns of others are left alone, if a row can be written without them. */
export function judgeExtra(table: ExpectedTable, found: FoundTable): Objection[] {
  const known = new Set(table.columns.map(({ name }) => name.toLowerCase()));
  return [...found.columns.values()]
    .filter((column) => !known.has(column.name.toLowerCase()) && !column.hasDefault)
    .map(({ name, columnType }) => ({
      found: `has a column ${found.name}.${name} that needs a value, which neither this server nor the original gives it`,
      remedy: `Give it a default: alter table ${found.name} modify ${name} ${columnType} null`,
    }));
}
