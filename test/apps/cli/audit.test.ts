import { hostname, userInfo } from 'node:os';
import { randomBytes } from 'node:crypto';
import test from 'ava';
import { auth, login, newUser } from '../../support/client.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { startStack, testAppid } from '../../support/stack.ts';
import { runCli } from './run-cli.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose, workers: 0 });
const worker = await stack.addWorker();
const [url] = stack.urls;
const secret = randomBytes(16).toString('hex');
const keys = { WAFER_KEYS: `1:${randomBytes(32).toString('base64')}` };
const wafer = (args: string[], env: Record<string, string> = {}) =>
  runCli({ ...stack.env, ...env }, args, { stdin: secret });

interface Entry {
  readonly action: string;
  readonly target: string | null;
  readonly by: string | null;
  readonly osUser: string;
  readonly host: string;
  readonly at: string;
  readonly details: Record<string, unknown>;
}
const audit = async (...args: string[]) => (await wafer(['audit', ...args, '--json'])).json.entries as Entry[];

test.serial('every command that changes something is recorded: who, where, what, to what', async (t) => {
  const { returnData: session } = await login(url, newUser());
  const commands = [
    ['app', 'set', testAppid, '--grace', '5', '--by', 'Alice, ticket 7'],
    ['app', 'set', 'wx1111111111111111'],
    ['app', 'remove', 'wx1111111111111111'],
    ['session', 'revoke', '--id', session.id, '--by', 'Bob'],
    ['session', 'revoke', '--appid', testAppid],
    ['session', 'revoke', '--everything'],
    ['caller', 'add', 'shop', '--by', 'Carol'],
    ['caller', 'revoke', 'shop'],
    ['operator', 'add', 'alice', '--by', 'Carol'],
    ['operator', 'role', 'alice', 'admin'],
    ['operator', 'link', 'alice'],
    ['operator', 'disable', 'alice'],
    ['operator', 'remove', 'alice', '--by', 'Bob'],
  ];
  for (const args of commands) t.is((await wafer(args)).status, 0, args.join(' '));
  // It has no keys, so nothing may be encrypted while it lives.
  await worker.close();
  t.is((await wafer(['keys', 'rotate'], keys)).status, 0);
  t.is((await wafer(['keys', 'plain'], { WAFER_KEYS: `plain,${keys.WAFER_KEYS}` })).status, 0);
  await stack.addWorker();
  t.is((await wafer(['cache', 'clear', '--by', 'Bob'])).status, 0);
  const entries = await audit();
  t.deepEqual(
    entries.toReversed().map(({ action, target, by }) => [action, target, by]),
    [
      ['app set', testAppid, 'Alice, ticket 7'],
      ['app set', 'wx1111111111111111', null],
      ['app remove', 'wx1111111111111111', null],
      ['session revoke', `id ${session.id}`, 'Bob'],
      ['session revoke', `appid ${testAppid}`, null],
      ['session revoke', 'everything', null],
      ['caller add', 'shop', 'Carol'],
      ['caller revoke', 'shop', null],
      ['operator add', 'alice', 'Carol'],
      ['operator role', 'alice', null],
      ['operator link', 'alice', null],
      ['operator disable', 'alice', null],
      ['operator remove', 'alice', 'Bob'],
      ['keys rotate', 'key 1', null],
      ['keys rotate', 'key 1', null],
      ['keys plain', 'plain', null],
      ['keys plain', 'plain', null],
      ['cache clear', null, 'Bob'],
    ],
  );
  t.true(entries.every(({ osUser, host }) => osUser.startsWith(userInfo().username) && host === hostname()));
  t.true(entries.every(({ at }) => Math.abs(Date.parse(at) - Date.now()) < 120_000));
  t.deepEqual(entries.at(-1)?.details, { created: false, secretChanged: true, keepsPrevious: false, grace_seconds: 5 });
});

test.serial('the log holds neither a secret nor a key nor an skey', async (t) => {
  const { returnData: session } = await login(url, newUser());
  t.is((await auth(url, session)).returnCode, 0);
  t.is((await wafer(['session', 'revoke', '--id', session.id])).status, 0);
  const text = JSON.stringify(await stack.database.query('select * from cWaferAudit'));
  t.true(text.includes(session.id));
  for (const hidden of [secret, session.skey, keys.WAFER_KEYS.slice(2)]) t.false(text.includes(hidden));
});

test.serial('--since and --limit choose, newest first; what is neither is wrong usage', async (t) => {
  const all = await audit();
  t.true(all.length > 3);
  t.deepEqual(await audit('--limit', '2'), all.slice(0, 2));
  t.deepEqual(await audit('--since', '1h'), all);
  t.deepEqual(await audit('--since', new Date(Date.now() + 3_600_000).toISOString()), []);
  for (const wrong of [
    ['--since', 'noon'],
    ['--limit', '0'],
    ['--limit', 'x'],
  ])
    t.is((await wafer(['audit', ...wrong])).status, 2, wrong.join(' '));
  const text = await wafer(['audit', '--limit', '1']);
  t.regex(text.stdout, /^TIME \(UTC\+8\) .*\n.* session revoke +id /);
});

test.serial('a change and its entry are made together or not at all', async (t) => {
  const before = await audit();
  t.is((await wafer(['app', 'remove', 'wxnobody'])).status, 1);
  t.is((await wafer(['session', 'revoke', '--id', 'nobody'])).status, 1);
  t.deepEqual(await audit(), before);

  const { returnData: session } = await login(url, newUser());
  await stack.database.query('rename table cWaferAudit to away');
  const set = await wafer(['app', 'set', testAppid, '--grace', '77', '--json']);
  t.deepEqual([set.status, set.json.error.code], [1, 'schema_outdated']);
  t.is((await stack.database.query('select * from cAppinfo where grace_seconds = 77')).length, 0);
  t.is((await wafer(['session', 'revoke', '--id', session.id])).status, 1);
  t.is((await auth(url, session)).returnCode, 0);
  const cleared = await wafer(['cache', 'clear', '--json']);
  t.deepEqual([cleared.status, cleared.json.isRecorded], [0, false]);
  await stack.database.query('rename table away to cWaferAudit');
});
