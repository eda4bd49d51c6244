import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test from 'ava';
import * as fc from 'fast-check';
import { ConfigError, readConfig } from '../../../shared/config/config.ts';
import { parseDatabaseUrl } from '../../../shared/config/database-url.ts';
import { parseRedisUrl } from '../../../shared/config/redis-url.ts';
import { migrate } from '../../../shared/store/migrate.ts';
import { runCli } from '../../apps/cli/run-cli.ts';
import { programArgs, rootDir } from '../../support/built.ts';

/** Pieces of a password; what stands between them must not set them free. */
const pieces = ['Zq7Leak', '1234', 'Zq8Leak'] as const;
const odd = [
  '/',
  '?',
  '#',
  '@',
  '%',
  ':',
  '[',
  ']',
  '\\',
  '^',
  '|',
  ' ',
  '"',
  "'",
  '<',
  '>',
  '{',
  '}',
  '`',
  '&',
  '=',
  '+',
  ',',
  ';',
  '$',
  '!',
  '*',
  '(',
  ')',
  '~',
  '-',
  '_',
  '.',
  'é',
  '小',
  '\t',
  '\n',
  '\r',
  '\u0000',
  '%2',
  '%2F',
  '%ff',
  '//',
  '/@',
  '@/',
  '://',
];
const isTold = (said: string) => /Zq[78]/.test(said);

const databaseForms = (secret: string) => [
  `mysql://u:${secret}@127.0.0.1:1/cAuth`,
  `mysql://u:${secret}@127.0.0.1:1`,
  `mysql://u:${secret}@127.0.0.1/cAuth`,
  `mysql:u:${secret}@127.0.0.1:1/cAuth`,
  `u:${secret}@127.0.0.1:1/cAuth`,
  `postgres://u:${secret}@127.0.0.1:1/cAuth`,
  `mysql://u:${secret}@127.0.0.1:1:1/cAuth`,
];
const redisForms = (secret: string) =>
  ['redis', 'rediss', 'redis+cluster', 'redis+sentinel', 'http', ''].flatMap((scheme) =>
    [
      '127.0.0.1:1',
      '127.0.0.1:1/0',
      '127.0.0.1:1/master',
      '127.0.0.1:1,127.0.0.1:2/master',
      '127.0.0.1:1/a/b',
      '[::1',
      '',
    ].flatMap((rest) =>
      [`:${secret}@`, `default:${secret}@`, `u:u:${secret}@`].map((user) => `${scheme}://${user}${rest}`),
    ),
  );
const httpForms = (secret: string) =>
  ['https', 'http', 'ftp', ''].flatMap((scheme) =>
    ['127.0.0.1:1', '127.0.0.1:1/x', '127.0.0.1:1/?a=b', '127.0.0.1:1#a', ''].map(
      (rest) => `${scheme}://u:${secret}@${rest}`,
    ),
  );

/** A password with odd characters between its pieces, before and behind them. */
const secrets = fc
  .tuple(...Array.from({ length: pieces.length + 1 }, () => fc.constantFrom('', ...odd)))
  .map((between) => between.map((character, index) => character + (pieces[index] ?? '')).join(''));

/** What a URL is taken for, without its password; or what is said against it. */
function readParts(
  parse: (url: string) => { readonly password?: string; readonly username?: string },
  url: string,
): string {
  try {
    const { password: _password, ...parts } = parse(url);
    return JSON.stringify(parts);
  } catch (error) {
    return `${String(error)} ${JSON.stringify(error)}`;
  }
}

test('no part of a password is taken for another part of a URL, or told', (t) => {
  fc.assert(
    fc.property(secrets, (secret) => {
      for (const url of databaseForms(secret)) if (isTold(readParts(parseDatabaseUrl, url))) t.fail(url);
      for (const url of redisForms(secret)) if (isTold(readParts(parseRedisUrl, url))) t.fail(url);
    }),
    { numRuns: Number(process.env['FAST_CHECK_RUNS'] ?? 3000) },
  );
  t.pass();
});

test('a percent-encoded password is understood, whatever it holds', (t) => {
  for (const character of odd.filter((text) => text !== '')) {
    const secret = `${pieces[0]}${character}${pieces[2]}`;
    const encoded = encodeURIComponent(secret);
    t.is(parseDatabaseUrl(`mysql://u:${encoded}@127.0.0.1:1/cAuth`).password, secret);
    t.is(parseRedisUrl(`redis://:${encoded}@127.0.0.1:1/0`).password, secret);
    t.is(parseRedisUrl(`redis+sentinel://u:${encoded}@127.0.0.1:1/m`).password, secret);
  }
});

const variables: Record<string, (secret: string) => string[]> = {
  DATABASE_URL: databaseForms,
  DATABASE_REPLICA_URL: databaseForms,
  REDIS_URL: redisForms,
  REDIS_CACHE_URL: redisForms,
  WECHAT_API_BASE: httpForms,
  WECHAT_TOKEN_URL: httpForms,
  WAFER_KEYS: (secret) => [secret, `1:${secret}`, `1:${secret},2:${secret}`, `plain,${secret}`],
  ALLOWED_CLIENTS: () => ['10.0.0.0/99'],
};
const good = { DATABASE_URL: 'mysql://u:p@127.0.0.1:1/cAuth', REDIS_URL: 'redis://127.0.0.1:1' };

test('no fault of the configuration tells a part of a value', (t) => {
  for (const [name, formsOf] of Object.entries(variables)) {
    for (const character of odd) {
      for (const value of formsOf(`${pieces[0]}${character}${pieces[2]}`)) {
        try {
          readConfig({ ...good, [name]: value });
        } catch (error) {
          t.true(error instanceof ConfigError);
          t.true(
            (error as ConfigError).faults.every((fault) => fault.startsWith(name)),
            value,
          );
          t.false(isTold(String(error) + JSON.stringify(error)), `${name} ${value}`);
        }
      }
    }
  }
});

test('a password with a special character is answered with how to write it', (t) => {
  for (const character of ['/', '#', '?', '%zz', '/@'])
    for (const [name, url] of [
      ['DATABASE_URL', `mysql://u:abc${character}def@127.0.0.1:3306/cAuth`],
      ['DATABASE_URL', `mysql://u:12${character}34@127.0.0.1:3306/cAuth`],
      ['REDIS_URL', `redis://:12${character}34@127.0.0.1:6379/0`],
      ['REDIS_URL', `redis+sentinel://u:12${character}34@127.0.0.1:26379/master`],
    ] as const) {
      const error = t.throws(() => readConfig({ ...good, [name]: url }), { instanceOf: ConfigError }, url);
      t.regex(error.faults.join(), new RegExp(`^${name} .*percent-encoded: / is %2F, \\? is %3F, # is %23`), url);
    }
});

const characters = ['/', '?', '#', '@', '%', ':', '/@', '@/'];
/** The next of them for each variable, so that few starts of programs see all. */
let given = 0;
const nextCharacter = () => characters[given++ % characters.length] as string;

for (const [form, databaseOf, redisOf, httpOf] of [
  [
    'as it should stand',
    (secret: string) => databaseForms(secret)[0],
    (secret: string) => redisForms(secret)[0],
    (secret: string) => httpForms(secret)[0],
  ],
  [
    'behind what looks like a port',
    (secret: string, character: string) => `mysql://u:1${character}${secret}@127.0.0.1:1/cAuth`,
    (secret: string, character: string) => `redis+sentinel://u:1${character}${secret}@127.0.0.1:1/m`,
    (secret: string) => `https://127.0.0.1:1/?key=${secret}`,
  ],
] as const) {
  for (const round of [1, 2]) {
    test.serial(`no program tells a password with odd characters, ${form}: ${round}`, async (t) => {
      const value = (of: (secret: string, character: string) => string | undefined) => {
        const character = nextCharacter();
        return of(`${pieces[0]}${character}${pieces[2]}`, character) ?? '';
      };
      const env = {
        DATABASE_URL: value(databaseOf),
        DATABASE_REPLICA_URL: value(databaseOf),
        REDIS_URL: value(redisOf),
        REDIS_CACHE_URL: value(redisOf),
        WECHAT_API_BASE: value(httpOf),
        WECHAT_TOKEN_URL: value(httpOf),
        WAFER_KEYS: value((secret) => `1:${secret}`),
      };
      for (const args of [
        ['doctor'],
        ['app', 'list'],
        ['queue', 'show'],
        ['session', 'show', '--open-id', 'o'],
        ['keys', 'status'],
      ]) {
        const { stdout, stderr } = await runCli(env, args);
        t.false(isTold(stdout + stderr), `${args.join(' ')}\n${stdout}${stderr}`);
      }
      const said = await migrate({ databaseUrl: env.DATABASE_URL }).then(
        String,
        (error: unknown) => `${String(error)} ${(error as Error).stack}`,
      );
      t.false(isTold(said), said);
      const programs = [
        programArgs('web/main'),
        programArgs('worker/main'),
        programArgs('cli/migrate'),
        [join(rootDir, 'dist/apps/local/main.js')],
      ];
      // The port stops what would be started with an address that is understood.
      await Promise.all(
        programs.map(async (program) => {
          const child = spawn(process.execPath, program, {
            cwd: tmpdir(),
            env: { ...env, PORT: 'none', PATH: process.env['PATH'] },
          });
          const output = (await Promise.all([text(child.stdout), text(child.stderr)])).join('');
          t.false(isTold(output), `${program.at(-1)}\n${output}`);
        }),
      );
    });
  }
}
