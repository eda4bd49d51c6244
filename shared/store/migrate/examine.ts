import { judgeColumn, judgeExtra } from './examine-columns.ts';
import { judgeSessionKeys } from './examine-keys.ts';
import { readExpectedTables, type ExpectedColumn, type ExpectedTable } from './expected-tables.ts';
import { readChecks, readFoundTables, type FoundTable, type Select } from './found-tables.ts';
import type { Objection } from './objection.ts';
import { isTooWide } from './row-width.ts';

/**
 * Compares what is in the selected database with what the original makes, with what is known to vary of it, and with what earlier
 * migrations of ours made, whole or half. Looks only: whatever it objects to, nothing has been changed.
 * @returns empty if the migrations can do their work
 */
export async function findObjections(select: Select): Promise<Objection[]> {
  const expected = await readExpectedTables();
  const found = await readFoundTables(select);
  const spell = (name: string) => (found.isCaseSensitive ? name : name.toLowerCase());
  const find = (name: string) => found.tables.find((table) => spell(table.name) === spell(name));
  const hasOurs = expected.some(({ name, isOriginal }) => !isOriginal && find(name) !== undefined);
  const objections: Objection[] = [];
  for (const table of expected) {
    const there = find(table.name);
    if (there !== undefined) objections.push(...(await judge(select, table, there, hasOurs)));
    else {
      const other = found.tables.find(({ name }) => name.toLowerCase() === table.name.toLowerCase());
      if (other !== undefined)
        objections.push({
          found: `has a table ${other.name}, and this server tells names of tables apart by case`,
          remedy: `If that is the table of the original: rename table ${other.name} to ${table.name}`,
        });
    }
  }
  return objections;
}

/** As one sentence and what to do. */
export function describeObjections(objections: readonly Objection[]): string {
  const found = objections.map((objection) => objection.found).join('; it ');
  return `it ${found}. ${[...new Set(objections.map(({ remedy }) => remedy))].join('. ')}.`;
}

const anotherDatabase = 'Name a database of its own in DATABASE_URL; npm run migrate creates it';

async function judge(
  select: Select,
  expected: ExpectedTable,
  found: FoundTable,
  hasOurs: boolean,
): Promise<Objection[]> {
  const { name } = found;
  // Nothing else can be told of what is no table.
  if (found.type !== 'BASE TABLE')
    return [{ found: `has ${name} as ${describeType(found.type)}, not as a table`, remedy: anotherDatabase }];
  const missing = expected.columns.filter(
    ({ name: column, addedBy }) => addedBy === undefined && !found.columns.has(column.toLowerCase()),
  );
  if (missing.length > 0) return [describeMissing(expected, found, missing)];
  const columns = expected.columns.flatMap((column) => judgeColumn(expected, column, found, hasOurs));
  if (!expected.isOriginal) return columns;
  return [...judgeTable(expected, found, await readChecks(select, name)), ...columns, ...judgeExtra(expected, found)];
}

function describeType(type: string): string {
  return type === 'VIEW' ? 'a view' : `something else (${type.toLowerCase()})`;
}

function describeMissing(expected: ExpectedTable, found: FoundTable, missing: readonly ExpectedColumn[]): Objection {
  const names = missing.map(({ name }) => name).join(', ');
  const key = found.keys.find(({ name }) => name === 'PRIMARY')?.columns.join(', ');
  if (expected.name === 'cSessionInfo' && !found.columns.has('id') && key === 'open_id')
    return {
      found: `holds the sessions of Wafer 2 (a table ${found.name} that is keyed by open_id), whose SDK needs no session server`,
      remedy: anotherDatabase,
    };
  const whose = expected.isOriginal ? 'no table of the original' : 'not as this server makes it';
  return {
    found: `has a table ${found.name} that is ${whose}: ${missing.length === 1 ? 'a column is' : 'columns are'} missing (${names})`,
    remedy: anotherDatabase,
  };
}

function judgeTable(expected: ExpectedTable, found: FoundTable, checks: readonly string[]): Objection[] {
  const { name } = found;
  const objections: Objection[] = [];
  const alter = (clause: string) => `alter table ${name} ${clause}`;
  const object = (text: string, remedy: string) =>
    void objections.push({ found: `has a table ${name} ${text}`, remedy });
  if (found.engine.toLowerCase() !== 'innodb')
    object(
      `of the engine ${found.engine}, where a log-in can be half written`,
      `Convert it, which copies the table: ${alter('engine=InnoDB')}`,
    );
  if (found.isPartitioned)
    object(
      'in partitions, over which no key of users can be unique',
      `Join them, which copies the table: ${alter('remove partitioning')}`,
    );
  const [idColumn = ''] = expected.columns.map((column) => column.name);
  const primary = found.keys.find((key) => key.name === 'PRIMARY')?.columns.join(', ') ?? '';
  if (primary !== idColumn)
    object(
      `with ${primary === '' ? 'no primary key' : `the primary key (${primary})`} instead of (${idColumn})`,
      anotherDatabase,
    );
  if (expected.name === 'cSessionInfo') objections.push(...judgeSessionKeys(found));
  for (const trigger of found.triggers)
    object(
      `with a trigger ${trigger}, which changes what is written`,
      `See what it is for; then: drop trigger ${trigger}`,
    );
  for (const constraint of [...found.constraints, ...checks])
    object(
      `with ${constraint}, which refuses rows of log-ins or takes rows of others along`,
      `See what it is for; then: ${alter('drop constraint …')}`,
    );
  if (isTooWide(found, expected))
    object(
      'whose rows would be too wide with the columns of this server',
      `Make its own columns narrower, such as text instead of a long varchar${found.rowFormat === 'dynamic' ? '' : `, or ${alter('row_format=dynamic')}`}`,
    );
  return objections;
}
