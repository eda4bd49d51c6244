import { runOverload, type OverloadFigures } from './overload.ts';

/** How many times what the worker can do is offered. The first is the peak that the others are compared with. */
const factors = [1, 2, 5, 20];
const refusalLimitMs = 100;
const leastGoodput = 0.9;
const mostAuthSlowdown = 2;
/** A front end answers a check in a few milliseconds: below this twice as long is still nothing. */
const quickMs = 10;

const heads = [
  'offered',
  'requests',
  'succeeded',
  'in time, ÷ peak',
  'refused, p99',
  'failed late',
  'auth p99, quiet → flood',
  'held',
];

/** More log-ins than can be done: as Markdown, and how many rows do not hold. */
export async function soakOverload(
  seconds: number,
  signal: AbortSignal,
): Promise<{ table: string; brokenCount: number }> {
  const rows: string[][] = [];
  let peak: OverloadFigures | undefined;
  let brokenCount = 0;
  for (const factor of factors) {
    if (signal.aborted) break;
    console.log(`${new Date().toISOString()} ${factor} times the log-ins that can be done …`);
    const figures = await runOverload({ factor, seconds });
    peak ??= figures;
    const goodput = figures.goodputPerSecond / peak.goodputPerSecond;
    const broken = [
      ...(goodput >= leastGoodput ? [] : ['goodput']),
      ...(figures.refused === 0 || figures.refusalP99Ms <= refusalLimitMs ? [] : ['refusal']),
      ...(figures.authP99FloodMs <= Math.max(figures.authP99QuietMs, quickMs) * mostAuthSlowdown ? [] : ['auth']),
      ...(figures.wechatCalls <= figures.succeeded + figures.failed ? [] : ['WeChat was asked for a refused log-in']),
    ];
    if (broken.length > 0) brokenCount++;
    rows.push([
      `${factor} ×`,
      String(figures.offered),
      String(figures.succeeded),
      goodput.toFixed(2),
      `${figures.refused}, ${Math.round(figures.refusalP99Ms)} ms`,
      String(figures.failed),
      `${figures.authP99QuietMs.toFixed(1)} → ${figures.authP99FloodMs.toFixed(1)} ms, ${(figures.authP99FloodMs / figures.authP99QuietMs).toFixed(1)} ×`,
      broken.length === 0 ? 'yes' : `NO: ${broken.join(', ')}`,
    ]);
  }
  const table = [heads, heads.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
  return { table, brokenCount };
}
