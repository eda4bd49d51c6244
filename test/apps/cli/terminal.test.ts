import { spawnSync } from 'node:child_process';
import test from 'ava';
import { Redis } from 'ioredis';
import { programArgs } from '../../support/built.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { startStack } from '../../support/stack.ts';
import { findServer, loadOriginal, reserveDatabase } from '../../shared/store/migration-database.ts';
import { runCli } from './run-cli.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose });
const server = await findServer();
onClose(server.stop);
/** Written here anew, as code points: C0 and DEL, C1, separators, direction, zero width, fillers, tags, variation selectors. */
const deceptive = [
  [0x01, 0x1f],
  [0x7f, 0x9f],
  ...[0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x180e, 0x3164, 0xfe0f, 0xfeff, 0xffa0, 0xe0001, 0xe0041, 0xe0100].map(
    (point) => [point, point],
  ),
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x2069],
  [0xfff9, 0xfffb],
].flatMap(([first = 0, last = 0]) => Array.from({ length: last - first + 1 }, (_, index) => first + index));
const all = String.fromCodePoint(...deceptive);

/** Those that came through; a line end is the layout's, but never next to what stands around it in the hostile text. */
const found = (text: string) =>
  Array.from(text).filter((character) => character !== '\n' && deceptive.includes(character.codePointAt(0) ?? 0))
    .length;

/** Fits a column of 100 characters together with the marks around it. A line end is its last: what stands behind it begins no line. */
const pieces = Array.from(
  { length: Math.ceil(deceptive.length / 55) },
  (_, index) => `${String.fromCodePoint(...deceptive.slice(index * 55, (index + 1) * 55))}\n`,
);

test.serial('whatever a session holds is spelled out, in JSON that parses to it and in text', async (t) => {
  for (const [index, piece] of pieces.entries()) {
    const openId = `open<${piece}>${index}`;
    const profile = JSON.stringify({ nickName: `nick<${all}>`, openId });
    await stack.database.query(
      `insert into cSessionInfo set uuid = ?, skey = 'x', create_time = now(), last_visit_time = now(), open_id = ?,
       session_key = 'y', user_info = ?, appid = ?`,
      [`id<${piece}>`, openId, Buffer.from(profile).toString('base64'), `wx<${piece}>`],
    );
    for (const command of ['show', 'revoke']) {
      const args = ['session', command, '--open-id', openId];
      if (command === 'show') {
        const asText = await runCli(stack.env, args);
        t.is(asText.status, 0, asText.stderr);
        t.is(found(asText.stdout + asText.stderr), 0, JSON.stringify(asText.stdout));
        t.false(/^>/m.test(asText.stdout), 'a line end of theirs');
      }
      const asJson = await runCli(stack.env, [...args, '--json']);
      t.is(found(asJson.stdout), 0);
      const [session] = (asJson.json.sessions ?? asJson.json.revoked) as Record<string, unknown>[];
      t.like(session, { id: `id<${piece}>`, openId, appid: `wx<${piece}>` });
      if (command === 'show') t.is(session?.['nickName'], `nick<${all}>`);
    }
  }
});

test.serial('names from outside are printed plain by every command', async (t) => {
  for (const [index, piece] of pieces.entries()) {
    await stack.database.query(
      `insert into cWaferAudit (at, os_user, host, by_name, action, target, details) values (now(), ?, ?, ?, 'x', ?, ?)`,
      [`user<${piece}>`, `host<${piece}>`, `by<${piece}>`, `to<${piece}>`, JSON.stringify({ piece })],
    );
    // Of the original: three bytes a character at most.
    const appid = `wx<${piece.replaceAll(/[^\0-\uffff]/gu, '')}>`;
    await stack.database.query(`insert into cAppinfo set appid = ?, secret = 'x'`, [appid]);
    await stack.database.query(`insert into cWaferCaller set name = ?, key_hash = unhex(sha2(?, 256)), appid = ?`, [
      `c<${piece}>`.slice(0, 64),
      String(index),
      `wx<${piece}>`,
    ]);
  }
  for (const args of [
    ['audit'],
    ['app', 'list'],
    ['caller', 'list'],
    ['doctor'],
    ['keys', 'status'],
    ['queue', 'show'],
    ['session', 'show', '--open-id', all],
    ['session', 'show', '--id', all, '--appid', all],
    ['session', 'show', '--id', 'x', `--${all}`],
    ['app', 'set', `wx${all}`],
    ['app', 'remove', all],
    ['caller', 'add', 'x', '--app', all],
    ['caller', 'revoke', all],
    ['audit', '--since', all],
    [all],
  ]) {
    for (const more of [[], ['--json']]) {
      const { stdout, stderr } = await runCli(stack.env, [...args, ...more]);
      t.is(found(stdout + stderr), 0, `${args.join(' ').slice(0, 30)}: ${JSON.stringify(stdout + stderr)}`);
      t.false(/^>/m.test(stdout + stderr), args.join(' ').slice(0, 30));
    }
  }
  t.is((await runCli(stack.env, ['audit', '--json'])).json.entries[0].by, `by<${pieces.at(-1)}>`);
});

test.serial('a name in Redis that no process can have is neither shown nor awaited', async (t) => {
  const redis = new Redis(stack.env['REDIS_URL'] as string);
  t.teardown(() => redis.disconnect());
  const names = pieces.flatMap((piece) => [`worker-evil${piece}-1-00000000`, `web-evil${piece}`]);
  for (const name of names) await redis.zadd('wafer:presence', Date.now(), name);
  for (const args of [
    ['queue', 'show'],
    ['doctor'],
    ['app', 'set', 'wx0123456789abcdef', '--grace', '0'],
    ['caller', 'add', 'plain'],
    ['caller', 'revoke', 'plain'],
    ['session', 'revoke', '--appid', 'wx0123456789abcdef'],
    ['cache', 'clear'],
  ]) {
    const { stdout, stderr } = await runCli(stack.env, args);
    t.is(found(stdout + stderr), 0, args.join(' '));
    t.false((stdout + stderr).includes('evil'), `${args.join(' ')}: ${stdout + stderr}`);
  }
  await redis.zrem('wafer:presence', ...names);
});

test.serial('rows that a migration drops are printed plain', async (t) => {
  const database = await reserveDatabase(t, server);
  const connection = await loadOriginal(database);
  const id = `id<${pieces[0]}>`;
  for (const openId of [`open<${pieces[1]}>`, `open<${pieces[2] ?? ''}>`]) {
    await connection.query(
      `insert into cSessionInfo set uuid = ?, skey = 'x', create_time = now(), last_visit_time = now(), open_id = ?,
       session_key = 'y', user_info = ''`,
      [id, openId],
    );
  }
  const { stdout, stderr } = spawnSync(process.execPath, [...programArgs('cli/migrate'), '--json'], {
    env: { ...process.env, DATABASE_URL: database.url },
    encoding: 'utf8',
  });
  t.is(found(stdout + stderr), 0);
  const { dropped } = JSON.parse(stdout) as { dropped: { uuid: string }[] };
  t.true(dropped.some(({ uuid }) => uuid === id));
});
