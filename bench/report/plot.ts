import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Result } from '../measure/result.ts';
import { number } from './tables.ts';
import { judge, targets, type Target } from './targets.ts';

const width = 860;
const rowHeight = 30;
const labelWidth = 210;
const barLeft = labelWidth + 10;
const barRight = width - 130;
const top = 34;
const colours = { 'aim reached': '#2e7d32', enough: '#8bc34a', missed: '#e57373' };

/** One plot of all comparisons that have a target: the figure as a bar with its spread, the target as a line. */
export function writePlots(results: readonly Result[], dir: string): void {
  const judged = results.flatMap((result) => {
    const target = targets[result.name as keyof typeof targets];
    return target === undefined ? [] : [{ result, target }];
  });
  if (judged.length === 0) return;
  const height = top + judged.length * rowHeight + 20;
  const rows = judged.map(({ result, target }, index) => row(result, target, top + index * rowHeight));
  writeFileSync(
    join(dir, 'comparisons.svg'),
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
<text x="10" y="18">Median of each comparison, its range over the rounds, the least that is asked for (solid) and the aim (dashed)</text>
${rows.join('\n')}
</svg>
`,
  );
}

function row({ name, ratio }: Result, target: Target, y: number): string {
  const longest = Math.max(ratio.max, target.must, target.aim) * 1.05;
  const x = (value: number) => barLeft + (value / longest) * (barRight - barLeft);
  const middle = y + rowHeight / 2;
  const line = (value: number, dash: string) =>
    `<line x1="${x(value)}" x2="${x(value)}" y1="${y + 3}" y2="${y + rowHeight - 3}" stroke="#333"${dash}/>`;
  return [
    `<text x="10" y="${middle + 4}">${name} (${target.better})</text>`,
    `<rect x="${barLeft}" y="${y + 7}" width="${x(ratio.median) - barLeft}" height="${rowHeight - 14}" fill="${colours[judge(ratio.median, target)]}"/>`,
    `<line x1="${x(ratio.min)}" x2="${x(ratio.max)}" y1="${middle}" y2="${middle}" stroke="#000" stroke-width="2"/>`,
    line(target.must, ''),
    line(target.aim, ' stroke-dasharray="3 2"'),
    `<text x="${barRight + 10}" y="${middle + 4}">${number(ratio.median)}</text>`,
  ].join('\n');
}
