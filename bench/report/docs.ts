import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootDir } from '../stack/root-dir.ts';

const file = join(rootDir, 'docs', 'performance.md');
const begin = '<!-- report: npm run bench -- --docs -->';
const end = '<!-- end of the report -->';

/** Replaces the report in docs/performance.md. @throws if the file has lost the place for it */
export function putIntoDocs(report: string): void {
  const text = readFileSync(file, 'utf8');
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${file} has no lines "${begin}" and "${end}"`);
  writeFileSync(file, `${text.slice(0, from + begin.length)}\n\n${report}\n${text.slice(to)}`);
}
