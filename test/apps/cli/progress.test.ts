import { Writable } from 'node:stream';
import test from 'ava';
import { createProgress } from '../../../apps/cli/progress.ts';

function open(isTTY: boolean) {
  let text = '';
  let nowMs = 0;
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  const progress = createProgress(Object.assign(stream, { isTTY }), () => nowMs);
  return { progress, text: () => text, at: (ms: number) => void (nowMs = ms) };
}

test('what is over within two seconds says nothing', (t) => {
  const { progress, text, at } = open(true);
  for (let ms = 0; ms < 2000; ms += 100) {
    at(ms);
    progress.tell('some', ms / 2000);
  }
  progress.end();
  t.is(text(), '');
});

test('a file gets a line every two seconds, with what is left', (t) => {
  const { progress, text, at } = open(false);
  for (let ms = 0; ms <= 10_000; ms += 500) {
    at(ms);
    progress.tell(`${ms} rows`, ms / 20_000);
  }
  progress.end();
  t.deepEqual(text().trim().split('\n'), [
    '2000 rows; 10 %, about 18 s left',
    '4000 rows; 20 %, about 16 s left',
    '6000 rows; 30 %, about 14 s left',
    '8000 rows; 40 %, about 12 s left',
    '10000 rows; 50 %, about 10 s left',
  ]);
});

test('a terminal gets a bar in one place, which goes at the end', (t) => {
  const { progress, text, at } = open(true);
  at(400_000);
  progress.tell('half', 0.5);
  t.is(text(), '\r\u001b[K[############------------] half; 50 %, about 7 min left');
  at(400_300);
  progress.tell('who knows');
  progress.end();
  t.true(text().endsWith('\r\u001b[Kwho knows; 7 min so far\r\u001b[K'));
});
