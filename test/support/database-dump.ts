import type { TestDatabase } from './database.ts';

/** Every column of every table as text, like a dump: to be searched, not to be loaded. */
export async function readAllColumns({ name, query }: TestDatabase): Promise<string> {
  const tables = await query<{ name: string }>(
    "select table_name as name from information_schema.tables where table_schema = ? and table_type = 'BASE TABLE'",
    [name],
  );
  const texts: string[] = [];
  for (const table of tables) {
    for (const row of await query(`select * from \`${table.name}\``)) {
      texts.push(Object.values(row).map(toText).join('\t'));
    }
  }
  return texts.join('\n');
}

function toText(value: unknown): string {
  return Buffer.isBuffer(value) ? `${value.toString('latin1')} ${value.toString('base64')}` : String(value);
}
