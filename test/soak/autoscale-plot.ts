import type { Look } from './autoscale.ts';

const width = 860;
const left = 60;
const right = 20;
const paneHeight = 120;
const gap = 34;
const top = 30;

interface Line {
  readonly name: string;
  readonly colour: string;
  readonly valueOf: (look: Look, index: number) => number;
}

/** Load, workers, and the age of the oldest job over time, one above the other. */
export function plotAutoscale(looks: readonly Look[]): string {
  /** Over five seconds: one look more or less is no load. */
  const perSecond = (count: 'sent' | 'ok') => (look: Look, index: number) => {
    const before = looks[Math.max(0, index - 5)] ?? look;
    return (look[count] - before[count]) / Math.max(1, look.second - before.second);
  };
  const panes: readonly (readonly [title: string, lines: readonly Line[]])[] = [
    [
      'log-ins a second: new ones, and those that succeed',
      [
        { name: 'new', colour: '#888', valueOf: perSecond('sent') },
        { name: 'succeed', colour: '#2e7d32', valueOf: perSecond('ok') },
      ],
    ],
    ['workers', [{ name: 'workers', colour: '#1565c0', valueOf: ({ workers }) => workers }]],
    [
      'age of the oldest job, in seconds',
      [{ name: 'age', colour: '#c62828', valueOf: ({ oldestMs }) => oldestMs / 1000 }],
    ],
  ];
  const height = top + panes.length * (paneHeight + gap);
  const last = Math.max(1, looks.at(-1)?.second ?? 1);
  const x = (second: number) => left + (second / last) * (width - left - right);
  const drawn = panes.map(([title, lines], index) =>
    drawPane(looks, title, lines, top + index * (paneHeight + gap), x),
  );
  const minutes = Array.from({ length: Math.floor(last / 60) + 1 }, (_, minute) => minute);
  const axis = minutes.map(
    (minute) => `<text x="${round(x(minute * 60))}" y="${height - 8}" text-anchor="middle">${minute} min</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
${[...drawn, ...axis].join('\n')}
</svg>
`;
}

function drawPane(
  looks: readonly Look[],
  title: string,
  lines: readonly Line[],
  y: number,
  x: (second: number) => number,
): string {
  const values = lines.map(({ valueOf }) => looks.map(valueOf));
  const most = Math.max(1, ...values.flat());
  const place = (value: number) => y + paneHeight - (value / most) * paneHeight;
  return [
    `<text x="${left}" y="${y - 8}">${title}</text>`,
    `<rect x="${left}" y="${y}" width="${width - left - right}" height="${paneHeight}" fill="none" stroke="#ccc"/>`,
    `<text x="${left - 6}" y="${y + 10}" text-anchor="end">${round(most)}</text>`,
    `<text x="${left - 6}" y="${y + paneHeight}" text-anchor="end">0</text>`,
    ...lines.map(({ colour }, line) => {
      const points = looks.map(
        ({ second }, index) => `${round(x(second))},${round(place(values[line]?.[index] ?? 0))}`,
      );
      return `<polyline fill="none" stroke="${colour}" stroke-width="1.5" points="${points.join(' ')}"/>`;
    }),
  ].join('\n');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
