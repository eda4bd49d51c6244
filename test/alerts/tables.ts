import type { AlertTimes } from './alert-case.ts';
import type { ScrapedLoad } from './scrape-under-load.ts';

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
const seconds = (ms: number) => `${(ms / 1000).toFixed(ms < 9950 ? 1 : 0)} s`;

/** As Markdown. */
export function timesTable(times: readonly AlertTimes[], factor: number): string {
  return [
    `Durations divided by ${factor}:`,
    row(['alert', 'fault', 'its expression holds after', 'fires after', 'over after the fault is', 'beside it']),
    row(Array.from({ length: 6 }, () => '---')),
    ...times.map(({ alert, fault, pendingMs, firingMs, clearedMs, others }) =>
      row([`\`${alert}\``, fault, seconds(pendingMs), seconds(firingMs), seconds(clearedMs), others.join(', ')]),
    ),
  ].join('\n');
}

/** As Markdown. */
export function sumsTable({ series, falls, scrapes, lost }: ScrapedLoad): string {
  return [
    row(['sum', 'sent', 'in Prometheus']),
    row(['---', '---:', '---:']),
    ...series.map(({ query, sent, counted }) => row([`\`${query}\``, String(sent), String(counted)])),
    `${scrapes} scrapes, counters fell ${falls} times, ${lost} requests without an answer`,
  ].join('\n');
}
