import test from 'ava';

import { TapReader } from './tap.ts';

function readAll(text: string) {
  const reader = new TapReader();
  const shown = text.split('\n').flatMap((line) => reader.read(line) ?? []);
  return { reader, shown };
}

test('results are counted and shown without what is for machines', (t) => {
  const { reader, shown } = readAll(
    `TAP version 13\nok 1 - one\nok 2 - two # SKIP\nnot ok 3 - three # TODO\nnot ok 4 - four\n  ---\n    name: AssertionError\n  ...\n\n1..4\n# tests 3\n# pass 1\n# skip 1\n# fail 2\n`,
  );
  t.deepEqual(reader.end(1), { passed: 1, failed: 1, skipped: 2 });
  t.deepEqual(shown, [
    '  ✔ one',
    '  - two (skip)',
    '  - three (todo)',
    '  ✘ four',
    '  ---',
    '    name: AssertionError',
    '  ...',
  ]);
});

test('the failed tests are told with what ava says of them, and nothing else', (t) => {
  const { reader } = readAll(
    'not ok 1 - one\n  ---\n    name: AssertionError\n  ...\n# a log\nok 2 - two\nnot ok 3 - three # TODO',
  );
  t.deepEqual(reader.failures, ['  ✘ one', '  ---', '    name: AssertionError', '  ...']);
});

test('tests that never ended count as failed, though they have no line', (t) => {
  const { reader } = readAll('ok 1 - one\n# tests 3\n# pass 1\n# fail 2');
  t.deepEqual(reader.end(1), { passed: 1, failed: 2, skipped: 0 });
});

test('a crash of ava and a run of nothing are failures', (t) => {
  const { reader } = readAll('ok 1 - one');
  t.deepEqual(reader.end(7), { passed: 1, failed: 1, skipped: 0 });
  t.regex(reader.failures.join(), /ava ended with status 7/);
  t.deepEqual(readAll('TAP version 13').reader.end(0), { passed: 0, failed: 1, skipped: 0 });
});
