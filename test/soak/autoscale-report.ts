import { writeFileSync } from 'node:fs';
import { mostWorkers, runAutoscale, tenMinutes, twoMinutes } from './autoscale.ts';
import { plotAutoscale } from './autoscale-plot.ts';

/** The autoscaler under bursts: what was seen, and how much of it should not have been. @param svgFile gets the plot */
export async function soakAutoscale(
  isShort: boolean,
  svgFile: string | undefined,
  signal: AbortSignal,
): Promise<{ text: string; brokenCount: number }> {
  const { looks, sent, ok, refused, lost, steps } = await runAutoscale(isShort ? twoMinutes : tenMinutes, signal);
  if (svgFile !== undefined) writeFileSync(svgFile, plotAutoscale(looks));
  const most = Math.max(...looks.map(({ workers }) => workers));
  const path = looks.map(({ workers }) => workers).filter((count, index, all) => count !== all[index - 1]);
  /** What the calm after the burst leaves, and how often the number moves from there on, while the load comes and goes. */
  const fewest = Math.min(...path.slice(path.indexOf(most)));
  const movesAfter = path.length - 1 - path.lastIndexOf(fewest);
  const broken = [
    ...(lost.length === 0 ? [] : [`${lost.length} log-ins lost: ${[...new Set(lost)].join(', ')}`]),
    ...(ok === sent ? [] : [`${ok} of ${sent} succeeded`]),
    ...(most > 1 && most <= mostWorkers ? [] : [`${most} workers at most`]),
    ...(isShort || fewest === 1 ? [] : [`${fewest} workers after the calm`]),
    ...(movesAfter <= 4 ? [] : [`${movesAfter} steps while the load came and went`]),
  ];
  const text = [
    `log-ins          ${sent}, of which ${ok} succeeded; ${refused} tries were refused at first and came again`,
    `workers          ${path.join(' → ')}`,
    `oldest job       ${Math.max(...looks.map(({ oldestMs }) => oldestMs))} ms at most`,
    ...steps.map(({ time, msg, why }) => `${time} ${msg}: ${why}`),
    ...broken.map((what) => `BROKEN: ${what}`),
  ].join('\n');
  return { text, brokenCount: broken.length };
}
