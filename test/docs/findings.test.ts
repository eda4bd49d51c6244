import { accessSync, constants } from 'node:fs';
import { basename, join } from 'node:path';
import test from 'ava';
import { rootDir } from '../support/built.ts';
import { files, read } from './repository.ts';

const scripts = files.filter((file) => /^findings\/[^/]+\.sh$/.test(file)).toSorted();

test('findings/README.md lists every finding, once, and nothing else', (t) => {
  const listed = [...read('findings/README.md').matchAll(/^\| \[([\w-]+\.sh)\]\(\1\) \|/gm)].map(
    ([, name = '']) => name,
  );
  t.true(scripts.length > 0);
  t.deepEqual(
    listed.toSorted(),
    scripts.map((file) => basename(file)),
  );
});

test('every finding is executable and says version, guess and what was seen when', (t) => {
  for (const file of scripts) {
    t.notThrows(() => accessSync(join(rootDir, file), constants.X_OK), file);
    const head = read(file).split('\nset -eu\n')[0] ?? '';
    t.regex(head, /^# Version: .*\d/m, file);
    t.regex(head, /^# Guess: /m, file);
    t.regex(head, /^# Seen: [\s\S]*Output, \d{4}-\d\d-\d\d:\n#/m, file);
  }
});
