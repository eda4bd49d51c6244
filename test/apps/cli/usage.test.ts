import { spawnSync } from 'node:child_process';
import test from 'ava';
import { runCli, runCliProcess } from './run-cli.ts';

const secret = '0123456789abcdef0123456789abcdef';

test.serial('a secret on the command line is refused and not repeated', async (t) => {
  for (const given of [[secret], [`--secret=${secret}`]]) {
    const run = await runCliProcess({}, ['app', 'set', 'wx0123456789abcdef', ...given, '--json'], { stdin: secret });
    t.is(run.status, 2);
    t.regex(run.json.error.message, /not taken from the command line/);
    t.false((run.stdout + run.stderr).includes(secret));
  }
});

test.serial('wrong usage exits 2 and says what is wrong', async (t) => {
  const wrong: [args: string[], message: RegExp][] = [
    [['frobnicate'], /unknown command/],
    [['app'], /a command is missing/],
    [['app', 'set'], /missing required argument/],
    [['app', 'list', '--loud'], /unknown option/],
    [['app', 'set', 'wx0123456789abcdef', '--login-duration', '0'], /whole number from 1/],
    [['app', 'set', 'two words'], /one word/],
    [['caller', 'add', 'two words'], /1 to 64 letters/],
  ];
  for (const [args, message] of wrong) {
    const run = await runCli({}, [...args, '--json']);
    t.is(run.status, 2, args.join(' '));
    t.is(run.json.error.code, 'usage');
    t.regex(run.json.error.message, message);
    t.regex(run.stderr, message);
  }
});

test.serial('session commands want either an id or an open_id', async (t) => {
  for (const selector of [[], ['--id', 'a', '--open-id', 'b']]) {
    const run = await runCli({}, ['session', 'show', ...selector]);
    t.is(run.status, 2);
    t.regex(run.stderr, /either --id or --open-id/);
  }
});

test.serial('every command has help with examples', async (t) => {
  const commands = [
    'app list',
    'app set',
    'app remove',
    'caller list',
    'caller add',
    'caller revoke',
    'session show',
    'session revoke',
    'cache clear',
    'queue show',
    'doctor',
  ];
  for (const command of ['', ...commands]) {
    const run = await runCli({}, [...command.split(' ').filter(Boolean), '--help']);
    t.is(run.status, 0, command);
    t.regex(run.stdout, new RegExp(`Examples:\\n.*npx wafer ${command}`));
    t.regex(run.stdout, /--json/);
  }
});

test.serial('expected failures exit 1 without a stack trace', async (t) => {
  const missing = await runCliProcess({}, ['app', 'list', '--json']);
  t.is(missing.status, 1);
  t.deepEqual(missing.json.error.faults, ['DATABASE_URL is missing']);
  const DATABASE_URL = 'mysql://user:pa55word@127.0.0.1:1/x';
  const unreachable = await runCliProcess({ DATABASE_URL }, ['app', 'list', '--json']);
  t.is(unreachable.status, 1);
  t.is(unreachable.json.error.code, 'database_unreachable');
  const silent = await runCli({ REDIS_URL: 'redis://:pa55word@127.0.0.1:1' }, ['queue', 'show', '--json']);
  t.is(silent.status, 1);
  t.is(silent.json.error.code, 'redis_unreachable');
  for (const { stdout, stderr } of [missing, unreachable, silent]) t.notRegex(stdout + stderr, /pa55word|\n +at /);
});

test.serial('a mistyped command is told the nearest one', async (t) => {
  for (const [args, nearest] of [
    [['staus'], 'status'],
    [['app', 'lst'], 'list'],
    [['app', 'list', '--jsn'], '--json'],
  ] as const) {
    const run = await runCli({}, [...args]);
    t.is(run.status, 2);
    t.regex(run.stderr, new RegExp(`Did you mean ${nearest}\\?`));
  }
});

test.serial('bash completes commands, their commands and their options', async (t) => {
  const { stdout: script } = await runCli({}, ['completion', 'bash']);
  const complete = (...words: string[]) => {
    const line = words.map((word) => `'${word}'`).join(' ');
    const ask = `COMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _wafer; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const run = spawnSync('bash', ['-c', `${script}\n${ask}`], { encoding: 'utf8' });
    t.is(run.stderr, '');
    return run.stdout.trim().split('\n').filter(Boolean);
  };
  t.deepEqual(complete('wafer', 'se'), ['session']);
  t.deepEqual(complete('wafer', 'session', 'r'), ['revoke']);
  t.deepEqual(complete('wafer', '--json', 'session', 'revoke', '--open'), ['--open-id']);
  t.deepEqual(complete('wafer', 'session', 'revoke', '--open-id', 'app', '--ap'), ['--appid']);
  t.deepEqual(complete('wafer', 'nonsense'), []);
});

test.serial('zsh and fish take their scripts, where they are installed', async (t) => {
  for (const [shell, check] of [
    ['zsh', ['-n']],
    ['fish', ['--no-execute']],
  ] as const) {
    const { stdout } = await runCli({}, ['completion', shell]);
    t.true(stdout.includes('wafer'));
    if (spawnSync(shell, ['--version']).error !== undefined) continue;
    const run = spawnSync(shell, [...check, '/dev/stdin'], { input: stdout, encoding: 'utf8' });
    t.is(run.stderr, '', shell);
  }
});
