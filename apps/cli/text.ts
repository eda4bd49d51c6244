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

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** Names from outside, for one line. */
export function listNames(names: readonly string[]): string {
  return names.map(toPlainText).join(', ');
}
