import type { WriteStream } from 'node:tty';
import { toPlainText } from './plain-text.ts';

const names: Readonly<Record<number, string>> = {
  10: 'TRACE',
  20: 'DEBUG',
  30: 'INFO',
  40: 'WARN',
  50: 'ERROR',
  60: 'FATAL',
};
/** Of a terminal's: dim, none, yellow, red. */
const colours: Readonly<Record<number, number>> = { 10: 2, 20: 2, 40: 33, 50: 31, 60: 31 };

/** Lines of the log as a person reads them, for a terminal. */
export function createPrettyOutput(terminal: WriteStream): { write(line: string): void } {
  const hasColours = terminal.hasColors?.() ?? false;
  return { write: (line) => void terminal.write(`${prettify(line, hasColours)}\n`) };
}

/** @param line one JSON document, as pino writes it; whatever else it is comes back as it is, without what a terminal would obey */
export function prettify(line: string, hasColours: boolean): string {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return toPlainText(line.trimEnd());
  }
  const { level, time, role, pid: _, msg, ...facts } = fields;
  const colour = hasColours ? colours[Number(level)] : undefined;
  const name = (names[Number(level)] ?? String(level)).padEnd(5);
  const shownName = colour === undefined ? name : `\u001b[${colour}m${name}\u001b[0m`;
  const shownFacts = Object.entries(facts).map(([key, value]) => `${toPlainText(key)}=${show(value)}`);
  return [
    String(time).slice(11, 23),
    shownName,
    toPlainText(String(role)),
    toPlainText(String(msg)),
    ...shownFacts,
  ].join(' ');
}

function show(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return toPlainText(/[\s="]/.test(text) && typeof value === 'string' ? JSON.stringify(text) : text);
}
