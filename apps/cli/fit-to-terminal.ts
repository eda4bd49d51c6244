/**
 * Breaks lines that are longer than a terminal is wide at spaces, and goes on below the last column that begins in its left part. A word
 * that does not fit stays whole, so that what is to be pasted can be.
 */
export function fitToTerminal(text: string, columns: number): string {
  return text
    .split('\n')
    .flatMap((line) => breakLine(line, columns))
    .join('\n');
}

function breakLine(line: string, columns: number): string[] {
  const hang = /^.*\s{2,}(?:-> )?/.exec(line.slice(0, columns * 0.6))?.[0].length ?? 0;
  const lines: string[] = [];
  let rest = line;
  while (rest.length > columns) {
    const fits = rest.lastIndexOf(' ', columns);
    const end = fits > hang ? fits : rest.indexOf(' ', columns);
    if (end < 0) break;
    lines.push(rest.slice(0, end).trimEnd());
    rest = ' '.repeat(hang) + rest.slice(end).trimStart();
  }
  return [...lines, rest];
}
