import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootDir } from '../support/built.ts';
import type { TestCounts } from '../support/tap.ts';

interface Line {
  readonly database: string;
  readonly settings: string;
  readonly redis: string;
  readonly node: string;
  readonly seconds: number;
  readonly counts: TestCounts;
}

const begin = '<!-- stores -->';
const end = '<!-- /stores -->';

/** Adds a line to the table of docs/compatibility.md and of its Chinese twin. */
export function putIntoTable({ database, settings, redis, node, counts, seconds }: Line): void {
  const { passed, failed, skipped } = counts;
  const date = new Date().toISOString().slice(0, 10);
  const name = settings === '' ? database : `${database} (${settings})`;
  const row = `| ${name} | ${redis} | ${node} | ${passed} | ${failed} | ${skipped} | ${seconds} s | ${date} |\n`;
  for (const file of ['compatibility.md', 'compatibility.zh-CN.md']) {
    const path = join(rootDir, 'docs', file);
    const text = readFileSync(path, 'utf8');
    const at = text.indexOf(end);
    if (!text.includes(begin) || at < 0) throw new Error(`docs/${file} has no ${begin} … ${end}`);
    writeFileSync(path, text.slice(0, at) + row + text.slice(at));
  }
}
