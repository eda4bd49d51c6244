import { basename } from 'node:path';
import test from 'ava';
import { pages, read } from './repository.ts';

const decisions = pages.filter((page) => /^docs\/adr\/\d/.test(page)).toSorted();

test('every decision has the number of its file and a known status', (t) => {
  for (const page of decisions) {
    const text = read(page);
    t.true(text.startsWith(`# ${Number(basename(page).slice(0, 4))}. `), page);
    t.regex(text, /^Status: (?:accepted|superseded by \[\d+\]\(\d{4}-[\w-]+\.md\))/m, page);
  }
});

test('no two decisions have one number', (t) => {
  t.is(new Set(decisions.map((page) => basename(page).slice(0, 4))).size, decisions.length);
});

test('the index lists every decision with the title and status of its file', (t) => {
  const rows = read('docs/adr/README.md').match(/^\| \d+ \|.*$/gm);
  const expected = decisions.map((page) => {
    const text = read(page);
    const [, number, title] = /^# (\d+)\. (.+)$/m.exec(text) ?? [];
    return `| ${number} | [${title}](${basename(page)}) | ${/^Status: (.+)$/m.exec(text)?.[1]} |`;
  });
  t.deepEqual(rows, expected);
});
