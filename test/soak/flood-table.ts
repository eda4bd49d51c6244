import { runFloods } from './flood.ts';

const mostGrownBytes = 256_000_000;
const mostSlowdown = 3;
/** A front end answers a check in a few milliseconds: below this three times as long is still nothing. */
const quickMs = 5;

const heads = ['door', 'flood', 'answers to it', 'memory, at most', 'p99 of others, quiet → flood', 'failed', 'held'];

/** Every door under every flood: as Markdown, and how many rows do not hold. */
export async function soakFloods(
  seconds: number,
  signal: AbortSignal,
): Promise<{ table: string; brokenCount: number }> {
  const rows: string[][] = [];
  let brokenCount = 0;
  for await (const figures of runFloods(seconds, signal)) {
    const { door, kind, floodAnswers, grownBytes, p99QuietMs, p99FloodMs, failed } = figures;
    const broken = [
      ...(grownBytes <= mostGrownBytes ? [] : ['memory']),
      ...(p99FloodMs <= Math.max(p99QuietMs, quickMs) * mostSlowdown ? [] : ['p99']),
      ...(failed === 0 ? [] : ['others were not served']),
    ];
    if (broken.length > 0) brokenCount++;
    const row = [
      door,
      kind,
      String(floodAnswers),
      `${Math.round(grownBytes / 1_000_000)} MB`,
      `${p99QuietMs.toFixed(1)} → ${p99FloodMs.toFixed(1)} ms`,
      String(failed),
      broken.length === 0 ? 'yes' : `NO: ${broken.join(', ')}`,
    ];
    console.log(`${new Date().toISOString()} ${row.join(', ')}`);
    rows.push(row);
  }
  const table = [heads, heads.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
  return { table, brokenCount };
}
