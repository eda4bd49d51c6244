/** One line at the bottom of a terminal, or a line per step where there is none. On standard error: the report is on standard output. */
export interface Progress {
  /** A line that stays. */
  log(line: string): void;
  /** Shows what goes on now. */
  step(text: string): void;
  /** The next of all comparisons begins. */
  advance(): void;
  /** Shows how far a long work is. */
  counter(text: string, total: number): (done: number) => void;
  end(): void;
}

const barWidth = 24;
const redrawMs = 100;

export function createProgress(total: number, stream: NodeJS.WriteStream = process.stderr): Progress {
  let done = -1;
  let drawnAt = 0;
  const bar = (share: number) => {
    const filled = Math.round(Math.min(Math.max(share, 0), 1) * barWidth);
    return `[${'█'.repeat(filled)}${'·'.repeat(barWidth - filled)}]`;
  };
  const draw = (text: string) => {
    if (!stream.isTTY) return;
    const line = `${bar(Math.max(done, 0) / total)} ${Math.max(done, 0)}/${total} ${text}`;
    stream.write(`\r\u001b[2K${line.slice(0, (stream.columns ?? 120) - 1)}`);
    drawnAt = performance.now();
  };
  const log = (line: string) => stream.write(stream.isTTY ? `\r\u001b[2K${line}\n` : `${line}\n`);
  return {
    log,
    step(text) {
      if (stream.isTTY) draw(text);
      else log(`${Math.max(done, 0)}/${total} ${text}`);
    },
    advance: () => void done++,
    counter(text, all) {
      if (!stream.isTTY) log(`${text}: ${all}`);
      return (count) => {
        if (performance.now() - drawnAt >= redrawMs) draw(`${text} ${count}/${all}`);
      };
    },
    end() {
      if (stream.isTTY) stream.write('\r\u001b[2K');
    },
  };
}
