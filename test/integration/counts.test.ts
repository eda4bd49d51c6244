import test, { type ExecutionContext } from 'ava';
import { isEntry } from '../../shared/session/session.ts';
import { cachedSessionPrefix } from '../../shared/session/cache-key.ts';
import { auth, call, login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { monitorRedis } from '../support/redis-monitor.ts';
import { startStack, testAppid, type TestStack } from '../support/stack.ts';
import { until } from '../support/until.ts';
import { openRedis } from '../support/open-redis.ts';

const onClose = closeAfterAll(test);
// One user logs in again a thousand times below.
const env = { LOGIN_LIMIT_PER_USER: '0' };
const stack: TestStack = await startStack({ onClose, webs: 4, env });
const [url] = stack.urls;
// Some other worker looks for abandoned erasures, every ten seconds: its statements are nobody's log-in.
const eraser = openRedis(stack.redis?.url);
await eraser.set('wafer:erasing', '1');
eraser.disconnect();
const redisUrl = stack.redis?.url as string;
const sessionStatements = (statements: { table: string | undefined }[]) =>
  statements.filter(({ table }) => table === 'cSessionInfo' || table === undefined);

// They count what all clients do, so they go one after another.
test.serial('a cached auth does no SQL and at most one Redis command', async (t) => {
  const { returnData } = await login(url, newUser());
  t.is((await auth(url, returnData)).returnCode, 0);
  const statements = await stack.database.countStatements(async () => {
    const commands = await monitorRedis(redisUrl, async () => {
      for (let count = 0; count < 50; count++) t.is((await auth(url, returnData)).returnMessage, 'AUTH_SUCCESS');
    });
    const forSession = commands.filter(
      ({ args }) => args.some((arg) => arg.includes(returnData.id)) && !args.includes('0'),
    );
    t.true(forSession.filter(({ name }) => name === 'mget').length <= 50);
    // Nothing else speaks of the session but its visits, collected several times a second.
    t.true(forSession.filter(({ name }) => name !== 'mget').every(({ name }) => name === 'evalsha'));
    t.true(forSession.length < 65, `${forSession.length} commands for 50 checks`);
  });
  t.deepEqual(sessionStatements(statements), []);
});

test.serial('a log-in calls WeChat once and runs at most three SQL statements', async (t) => {
  /** The statements of a user's first and second log-in. */
  const count = async (): Promise<string[]> => {
    const user = newUser();
    const kinds: string[] = [];
    for (const code of [`${user}~1`, `${user}~2`]) {
      // The app's settings are read every few seconds, whatever happens: not a log-in's cost.
      await login(url, newUser());
      const statements = await stack.database.countStatements(async () => {
        t.is((await login(url, code)).returnCode, 0);
      });
      const own = statements.filter(({ table }) => table !== 'cAppinfo' && table !== 'cWaferRevocation');
      kinds.push(...own.map(({ kind, table }) => `${kind} ${table}`));
      t.is(stack.wechat?.stats().codes[code], 1);
    }
    return kinds;
  };
  const expected = ['select', 'insert', 'select', 'update'].map((kind) => `${kind} cSessionInfo`);
  let kinds = await count();
  // What a worker does once a minute may come in between; what a log-in does comes each time.
  for (let tries = 1; tries < 3 && kinds.length > expected.length; tries++) kinds = await count();
  t.deepEqual(kinds, expected);
});

/** Front ends look every few seconds how long jobs wait. */
const isLookAtQueues = (name: string, [, keys, key = '']: readonly string[], last: string | undefined) =>
  (keys === '1' && /^\{wafer:[^}]+\}:\w+:$/.test(key)) || (name === 'hget' && last === 'timestamp');
/** What processes do whether somebody logs in or not. */
const isPeriodic = ({ name, args: [first = '', ...rest] }: { name: string; args: readonly string[] }) =>
  ['ping', 'time', 'bzpopmin', 'echo', 'client', 'info', 'hello', 'pexpire', 'xread', 'xtrim'].includes(name) ||
  isLookAtQueues(name, [first, ...rest], rest.at(-1)) ||
  [first, ...rest].some((arg) =>
    /^wafer:(erasing|presence|\{metrics|apps|beat)|^\{?wafer:\{visits|:stalled|^wafer:s:.*\{/.test(arg),
  );

test.serial('a log-in costs the same Redis commands with one front end and with four', async (t) => {
  const logins = 40;
  const countFor = async (urls: readonly string[]) => {
    await Promise.all(urls.map((web) => login(web, newUser())));
    const commands = await monitorRedis(redisUrl, async () => {
      for (let count = 0; count < logins; count++) {
        t.is((await login(urls[count % urls.length] as string, newUser())).returnMessage, 'NEW_SESSION_SUCCESS');
      }
    });
    // One that finds the job and one for the marker that BullMQ leaves with it; the rest are idle workers'.
    const looks = commands.filter(({ args: [, keys, first] }) => keys === '11' && first?.endsWith(':login:wait'));
    t.true(looks.length >= logins && looks.length < 2.5 * logins, `${looks.length} looks for a job`);
    return commands.filter((command) => !isPeriodic(command));
  };
  const one = await countFor([url]);
  const four = await countFor(stack.urls);
  t.is(four.length, one.length);
  t.is(one.length % logins, 0);
  t.log(`${one.length / logins} Redis commands per log-in`);
});

test.serial('a new session is in the cache before its answer is on its way', async (t) => {
  const commands = await monitorRedis(redisUrl, async () => {
    const { returnData } = await login(url, newUser());
    const after = await login(url, newUser());
    t.not(after.returnData.id, returnData.id);
  });
  const indexOf = (isWanted: (args: readonly string[]) => boolean) =>
    commands.flatMap(({ args }, index) => (isWanted(args) ? [index] : []));
  const entries = indexOf((args) => args.some((arg) => arg.startsWith(cachedSessionPrefix)) && args.some(isEntry));
  const replies = indexOf((args) => args[2]?.startsWith('wafer:replies:') === true);
  t.is(entries.length, 2);
  t.is(replies.length, 2);
  t.true(entries.every((entry, index) => entry < (replies[index] as number)));
});

test.serial('a thousand auths of one session cause at most two SQL writes', async (t) => {
  const { returnData } = await login(url, newUser());
  await stack.database.query(
    "update cSessionInfo set last_visit_time = convert_tz(utc_timestamp(), '+00:00', '+08:00') - interval 1 hour where uuid = ?",
    [returnData.id],
  );
  const redis = openRedis(redisUrl);
  await redis.del(`${cachedSessionPrefix}${returnData.id}`);
  redis.disconnect();
  const statements = await stack.database.countStatements(async () => {
    for (let round = 0; round < 10; round++) {
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, index) => auth(stack.urls[index % 4] as string, returnData)),
      );
      t.true(answers.every(({ returnCode }) => returnCode === 0));
    }
    await until('the visit is in MySQL', async () => {
      const [row] = await stack.database.query<{ idle: number }>(
        "select timestampdiff(second, last_visit_time, convert_tz(utc_timestamp(), '+00:00', '+08:00')) as idle from cSessionInfo where uuid = ?",
        [returnData.id],
      );
      return (row?.idle ?? Infinity) < 60;
    });
  });
  const writes = statements.filter(({ kind }) => kind === 'update');
  t.true(writes.length >= 1 && writes.length <= 2, `${writes.length} writes`);
});

const attack = async (t: ExecutionContext, sessionOf: (index: number) => { id: string; skey: string }) => {
  const statements = await stack.database.countStatements(async () => {
    let next = 0;
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        while (next < 1000) t.is((await auth(url, sessionOf(next++))).returnMessage, 'AUTH_FAIL');
      }),
    );
  });
  const reads = statements.filter(({ kind, table }) => kind === 'select' && table === 'cSessionInfo');
  t.true(reads.length >= 1 && reads.length <= 50, `${reads.length} reads`);
  t.log(`${reads.length} reads`);
};

test.serial('a thousand unknown ids, a hundred at once, cause at most fifty SQL reads', (t) =>
  attack(t, (index) => ({ id: `unknown${index}`, skey: 'x' })),
);

test.serial('a thousand wrong skeys for one id cause at most fifty SQL reads', async (t) => {
  const { returnData } = await login(url, newUser());
  await attack(t, (index) => ({ id: returnData.id, skey: `wrong${index}` }));
  t.is((await auth(url, returnData)).returnCode, 0);
});

test.serial('a hundred identical log-ins over four front ends are one exchange', async (t) => {
  const code = newUser();
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, index) => call(stack.urls[index % 4] as string, 'qcloud.cam.id_skey', { code })),
  );
  t.is(answers[0]?.returnMessage, 'NEW_SESSION_SUCCESS');
  t.is(new Set(answers.map(({ text }) => text)).size, 1);
  t.is(stack.wechat?.stats().codes[code], 1);
});

test.serial('a thousand re-log-ins use no auto_increment value', async (t) => {
  const user = newUser();
  const rowOf = async (name: string) => {
    const { returnData } = await login(url, `${name}~0`);
    const [row] = await stack.database.query<{ id: number }>('select id from cSessionInfo where uuid = ?', [
      returnData.id,
    ]);
    return row?.id as number;
  };
  const first = await rowOf(user);
  let next = 1;
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      while (next <= 1000) t.is((await login(url, `${user}~${next++}`)).returnMessage, 'UPDATE_SESSION_SUCCESS');
    }),
  );
  t.is(await rowOf(newUser()), first + 1);
});

test.serial('twenty first log-ins of one user at once leave one session', async (t) => {
  const user = newUser();
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => login(stack.urls[index % 4] as string, `${user}~${index}`)),
  );
  t.true(answers.every(({ returnCode }) => returnCode === 0));
  t.is(new Set(answers.map(({ returnData }) => returnData.id)).size, 1);
  t.is(new Set(answers.map(({ returnData }) => returnData.skey)).size, 20);
  const rows = await stack.database.query('select id from cSessionInfo where uuid = ?', [answers[0]?.returnData.id]);
  t.is(rows.length, 1);
  for (const web of stack.urls) {
    const checks = await Promise.all(answers.map(({ returnData }) => auth(web, returnData)));
    t.is(checks.filter(({ returnCode }) => returnCode === 0).length, 1);
    t.is(checks.filter(({ returnCode }) => returnCode === 60012).length, 19);
  }
  const openIds = await stack.database.query(
    'select count(*) as n from cSessionInfo where appid = ? group by open_id having n > 1',
    [testAppid],
  );
  t.deepEqual(openIds, []);
});
