import type { Forgotten } from '../../shared/administration/forget-everywhere.ts';
import { listNames, plural } from '../../shared/administration/words.ts';
import { toPlainText } from '../../shared/log/plain-text.ts';

/** Columns as wide as their widest cell; the first row is the heading. A line end in a cell makes no row: it is spelled out. */
export function formatTable(texts: readonly (readonly string[])[]): string {
  const rows = texts.map((row) => row.map(toPlainText));
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** When a change of the apps or callers counts. Within five seconds it does in any case. */
export function describeEffect({ obeyed, silent, unreachable }: Forgotten): string {
  if (unreachable !== undefined) return `It counts within 5 s. Nobody could be told to hurry: ${unreachable}`;
  if (silent.length > 0) return `It counts within 5 s; did not confirm: ${listNames(silent)}`;
  return `It counts now (${plural(obeyed.length, 'running process', 'running processes')}).`;
}
