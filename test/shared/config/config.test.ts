import { spawnSync } from 'node:child_process';
import test from 'ava';
import { ConfigError, readConfig } from '../../../shared/config/config.ts';
import { parseRedisUrl } from '../../../shared/config/redis-url.ts';
import { programArgs, rootDir } from '../../support/built.ts';

for (const app of ['web', 'worker'] as const) {
  test(`${app} lists all faults of its environment at once, without their values, and exits 1`, async (t) => {
    const password = 'hunter-two';
    const env = {
      PATH: process.env['PATH'],
      PORT: 'eighty',
      DATABASE_URL: `postgres://u:${password}@h/db`,
      REDIS_URL: `redis+sentinel://:${password}@h:1`,
      WAFER_KEYS: `1:${password}`,
    };
    const { status, stderr } = spawnSync(process.execPath, programArgs(`${app}/main`), {
      cwd: rootDir,
      env,
      encoding: 'utf8',
    });
    t.is(status, 1);
    t.regex(stderr, /has 4 faults/);
    for (const name of ['PORT', 'DATABASE_URL', 'REDIS_URL', 'WAFER_KEYS']) t.true(stderr.includes(`- ${name} `), name);
    t.false(stderr.includes(password) || stderr.includes('    at '));
  });
}

test('a log-in must have more time than one call to WeChat', (t) => {
  const env = {
    DATABASE_URL: 'mysql://u:p@h/cAuth',
    REDIS_URL: 'redis://h',
    WECHAT_TIMEOUT_MS: '5000',
    LOGIN_DEADLINE_MS: '5000',
  };
  const error = t.throws(() => readConfig(env), { instanceOf: ConfigError });
  t.is(error.faults.length, 1);
  t.notThrows(() => readConfig({ ...env, LOGIN_DEADLINE_MS: '5001' }));
});

test('every form of a Redis URL is understood', (t) => {
  t.like(parseRedisUrl('rediss://user:p%40ss@h:6380/2'), {
    kind: 'single',
    tls: {},
    username: 'user',
    password: 'p@ss',
    db: 2,
  });
  t.deepEqual(parseRedisUrl('redis+cluster://a:1,b:2').nodes, [
    { host: 'a', port: 1 },
    { host: 'b', port: 2 },
  ]);
  t.like(parseRedisUrl('rediss+sentinel://a:1,b/main'), { kind: 'sentinel', tls: {}, masterName: 'main' });
  for (const wrong of ['http://h', 'redis://a:1,b:2', 'redis://h:0', 'redis+cluster://a:1/3']) {
    t.throws(() => parseRedisUrl(wrong), { instanceOf: TypeError }, wrong);
  }
});
