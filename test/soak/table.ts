/** The figures of one run. */
export interface Line {
  readonly fault: string;
  readonly sent: number;
  readonly ok: number;
  /** By code and reason. */
  readonly errors: Readonly<Record<string, number>>;
  readonly cut: number;
  readonly unanswered: number;
  readonly wrong: number;
  readonly slowestMs: { readonly login?: number; readonly loginDuring?: number; readonly check?: number };
  readonly recoveryMs: number;
  readonly broken: readonly { readonly what: string; readonly seen: string }[];
}

const heads = [
  'fault',
  'sent',
  'ok',
  'clear errors',
  'cut',
  'unanswered',
  'wrong',
  'slowest log-in / in outage / check',
  'recovery',
  'held',
];

/** As Markdown. */
export function renderTable(lines: readonly Line[]): string {
  const cells = lines.map((line) => [
    line.fault,
    line.sent,
    line.ok,
    Object.entries(line.errors)
      .map(([code, count]) => `${count} × ${code}`)
      .join(', ') || 0,
    line.cut,
    line.unanswered,
    line.wrong,
    `${line.slowestMs.login ?? '–'} / ${line.slowestMs.loginDuring ?? '–'} / ${line.slowestMs.check ?? '–'} ms`,
    `${line.recoveryMs} ms`,
    line.broken.length === 0 ? 'yes' : `NO: ${line.broken.map(({ what, seen }) => `${what}: ${seen}`).join('; ')}`,
  ]);
  return [heads, heads.map(() => '---'), ...cells].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
