import type { Figures, Result, Table } from '../measure/result.ts';
import { judge, targets } from './targets.ts';

/** The whole report as Markdown. */
export function renderReport(results: readonly Result[], machine: string): string {
  const parts = [machine, renderTable(overview(results))];
  for (const { name, tables, notes, voided } of results) {
    const lines = voided > 0 ? [...notes, `${voided} rounds were void`] : notes;
    if (lines.length > 0) parts.push(`${name}:\n${lines.map((line) => `- ${line}`).join('\n')}`);
    parts.push(...tables.map((table) => `**${table.title}**\n\n${renderTable(table)}`));
  }
  return `${parts.join('\n\n')}\n`;
}

function overview(results: readonly Result[]): Table {
  return {
    title: '',
    columns: ['name', 'median', 'min', 'max', 'of', 'at least', 'aim', 'verdict', 'ours', 'peer'],
    rows: results.map(({ name, unit, ratio, ours, peer }) => {
      const target = targets[name as keyof typeof targets];
      return [
        name,
        number(ratio.median),
        number(ratio.min),
        number(ratio.max),
        unit,
        target === undefined ? '' : number(target.must),
        target === undefined ? '' : number(target.aim),
        target === undefined ? '' : judge(ratio.median, target),
        describe(ours),
        peer === null ? '' : describe(peer),
      ];
    }),
  };
}

function describe(figures: Figures): string {
  const { requestsPerSecond: rate, p50Ms, p99Ms } = figures;
  if (typeof rate !== 'number') return '';
  return `${Math.round(rate)}/s, p50 ${number(p50Ms as number)} ms, p99 ${number(p99Ms as number)} ms`;
}

/** Three digits that count. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

/** A Markdown table whose columns also line up in a terminal. */
export function renderTable({ columns, rows }: Table): string {
  const texts = [columns, ...rows].map((row) => row.map(String));
  const widths = columns.map((_, index) => Math.max(...texts.map((row) => row[index]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = texts;
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...body.map(line)].join('\n');
}
