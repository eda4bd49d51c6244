import { Writable } from 'node:stream';
import test from 'ava';
import { fitToTerminal } from '../../../apps/cli/fit-to-terminal.ts';
import { runCli } from '../../../apps/cli/program.ts';

/** Nothing is there, so the doctor has much to say. */
const env = {
  DATABASE_URL: 'mysql://u:p@127.0.0.1:1/c',
  REDIS_URL: 'redis://127.0.0.1:1',
  WECHAT_API_BASE: 'http://127.0.0.1:1',
};

async function runDoctor(columns?: number): Promise<string> {
  let text = '';
  const stdout = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  if (columns !== undefined) Object.assign(stdout, { columns });
  await runCli(['doctor'], env, {
    stdin: process.stdin,
    stdout,
    stderr: new Writable({ write: (_chunk, _encoding, done) => done() }),
  });
  return text;
}

const words = (text: string) => text.split(/\s+/).filter((word) => word !== '' && word !== '->');

test('the doctor fits a terminal of 80 columns, and says the same as without one', async (t) => {
  const [whole, fitted] = [await runDoctor(), await runDoctor(80)];
  t.true(whole.split('\n').some((line) => line.length > 80));
  for (const line of fitted.split('\n')) t.true(line.length <= 80 || !line.trim().includes(' '), line);
  t.deepEqual(words(fitted), words(whole));
});

test('a line goes on below its last column, and words stay whole', (t) => {
  t.is(
    fitToTerminal('FAULT    some.check  it is so and so\n            -> do this and that', 28),
    ['FAULT    some.check  it is', '         so and so', '            -> do this and', '               that'].join(
      '\n',
    ),
  );
  const long = 'x'.repeat(50);
  t.is(fitToTerminal(`a ${long} b`, 20), `a\n${long}\nb`);
  t.is(fitToTerminal('short', 80), 'short');
});
