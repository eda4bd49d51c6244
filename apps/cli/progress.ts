import type { StandardStreams } from './result.ts';

/** How far something is that may last. */
interface Progress {
  /** @param share of all of it that is done, from 0 to 1; undefined: nobody knows */
  tell(words: string, share?: number): void;
  /** Takes the bar away. */
  end(): void;
}

/** What is over by then needs no bar. */
const quietMs = 2000;
const lineEveryMs = 2000;
const barEveryMs = 200;
const barWidth = 24;

/**
 * A bar with an estimate on a terminal, a line every two seconds anywhere else. Standard output is for the result.
 * @param nowMs a clock that goes on evenly
 */
export function createProgress(
  stderr: StandardStreams['stderr'],
  nowMs: () => number = () => performance.now(),
): Progress {
  const isTerminal = (stderr as { readonly isTTY?: boolean }).isTTY === true;
  const startedAt = nowMs();
  let toldAt = startedAt + quietMs - (isTerminal ? barEveryMs : lineEveryMs);
  let isShown = false;
  return {
    tell(words, share) {
      const now = nowMs();
      if (now - toldAt < (isTerminal ? barEveryMs : lineEveryMs)) return;
      toldAt = now;
      const line = [words, ...estimate(share, now - startedAt)].join('; ');
      isShown = isTerminal;
      stderr.write(isTerminal ? `\r\u001b[K${drawBar(share)}${line}` : `${line}\n`);
    },
    end() {
      if (isShown) stderr.write('\r\u001b[K');
    },
  };
}

/** Tells how long something takes of which nobody knows how far it is. */
export async function tellWait<Result>(
  stderr: StandardStreams['stderr'],
  words: string,
  work: () => Promise<Result>,
): Promise<Result> {
  const progress = createProgress(stderr);
  const timer = setInterval(() => progress.tell(words), barEveryMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    progress.end();
  }
}

function drawBar(share: number | undefined): string {
  if (share === undefined) return '';
  const done = Math.round(Math.min(Math.max(share, 0), 1) * barWidth);
  return `[${'#'.repeat(done)}${'-'.repeat(barWidth - done)}] `;
}

function estimate(share: number | undefined, tookMs: number): string[] {
  if (share === undefined || share <= 0) return [`${describeSeconds(Math.round(tookMs / 1000))} so far`];
  const leftSeconds = Math.round((tookMs / share - tookMs) / 1000);
  return [`${Math.min(Math.round(share * 100), 100)} %, about ${describeSeconds(Math.max(leftSeconds, 0))} left`];
}

function describeSeconds(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
