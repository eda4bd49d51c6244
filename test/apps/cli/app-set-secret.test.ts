import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import test from 'ava';
import { programArgs } from '../../support/built.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { startStack, testAppid, testSecret } from '../../support/stack.ts';
import { runCli, runCliProcess } from './run-cli.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose, webs: 0, workers: 0 });
const another = randomBytes(16).toString('hex');

const readRow = async (appid = testAppid) => {
  const [row] = await stack.database.query<{ secret: string; previous_secret: string | null; grace_seconds: number }>(
    'select secret, previous_secret, grace_seconds from cAppinfo where appid = ?',
    [appid],
  );
  return row;
};

test.serial('options alone change a known app and leave its secrets as they are', async (t) => {
  await stack.database.query("update cAppinfo set previous_secret = 'before'");
  const { status, json } = await runCli(stack.env, ['app', 'set', testAppid, '--grace', '7', '--json']);
  t.is(status, 0);
  t.false(json.secretChanged);
  t.like(await readRow(), { secret: testSecret, previous_secret: 'before', grace_seconds: 7 });
  const asText = await runCli(stack.env, ['app', 'set', testAppid, '--grace', '8']);
  t.regex(asText.stdout, /Its secret stays as it was\./);
});

test.serial('a secret that comes with options on standard input counts', async (t) => {
  const { json } = await runCliProcess(stack.env, ['app', 'set', testAppid, '--grace', '9', '--json'], {
    stdin: `${another}\n`,
  });
  t.true(json.secretChanged);
  t.like(await readRow(), { secret: another, previous_secret: null, grace_seconds: 9 });
  const odd = await runCli(stack.env, ['app', 'set', testAppid, '--grace', '1'], { stdin: `${another} ${another}` });
  t.is(odd.status, 1);
  t.like(await readRow(), { secret: another, grace_seconds: 9 });
});

test.serial('without options, with --keep-previous, and for a new app the secret is needed', async (t) => {
  const before = await readRow();
  for (const args of [
    [testAppid],
    [testAppid, '--keep-previous', '--grace', '3'],
    ['wx1111111111111111', '--grace', '3'],
  ]) {
    const { status, json } = await runCli(stack.env, ['app', 'set', ...args, '--json']);
    t.is(status, 1, args.join(' '));
    t.is(json.error.code, 'secret_empty', args.join(' '));
  }
  t.deepEqual(await readRow(), before);
  t.is(await readRow('wx1111111111111111'), undefined);
});

test.serial('on a terminal nobody is asked when only options change', async (t) => {
  // script(1) gives it a terminal, on which nothing is ever typed.
  const program = programArgs('cli/main').join(' ');
  const command = `${process.execPath} ${program} app set ${testAppid} --grace 11`;
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    env: { PATH: process.env['PATH'], TMPDIR: process.env['TMPDIR'], ...stack.env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill());
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const status = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  t.is(status, 0, output);
  t.notRegex(output, /not shown/);
  t.regex(output, /Its secret stays as it was/);
});
