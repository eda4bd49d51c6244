import test from 'ava';
import { createUserDataLimit } from '../../../apps/worker/user-data-limit.ts';
import { createSeal } from '../../../shared/rpc/seal.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { connectTestRedis } from '../../support/redis-client.ts';

const onClose = closeAfterAll(test);
const { client } = await connectTestRedis(onClose);
const seal = createSeal(Buffer.alloc(32, 7));
/** As that many workers have them. */
const limits = Array.from({ length: 12 }, () => createUserDataLimit(client, seal));

/** Of so many tries at once, spread over the workers, how many were let in. */
async function tryAtOnce(openId: string, count: number, hasFailed: boolean): Promise<number> {
  const user = { appid: 'app', openId };
  const tries = Array.from({ length: count }, async (_, at) => {
    const limit = limits[at % limits.length] as (typeof limits)[number];
    if ((await limit.take(user)) !== 'taken') return false;
    limit.settle(user, hasFailed);
    return true;
  });
  return (await Promise.all(tries)).filter(Boolean).length;
}
const spentIn = (openId: string) => limits.filter((limit) => limit.isSpent({ appid: 'app', openId })).length;

test('tries in hand lock nobody out who has not failed', async (t) => {
  t.is(await tryAtOnce('valid', 600, false), 600);
  t.is(spentIn('valid'), 0);
  const keys = await client.keys('wafer:tries:*');
  t.is((await Promise.all(keys.map((key) => client.hget(key, 'failed')))).filter((failed) => failed === '0').length, 0);
});

test('thirty failures are the most, many at once, and each worker remembers them', async (t) => {
  t.is(await tryAtOnce('junk', 600, true), 30);
  t.is(spentIn('junk'), limits.length);
  t.is(await tryAtOnce('junk', 24, false), 0);
});

test('tries that were never settled count, but are not remembered as failures', async (t) => {
  const user = { appid: 'app', openId: 'died' };
  for (let count = 0; count < 30; count++) t.is(await limits[count % 12]?.take(user), 'taken');
  t.is(await limits[0]?.take(user), 'crowded');
  t.is(spentIn('died'), 0);
  limits[1]?.settle(user, false);
  t.is(await limits[0]?.take(user), 'taken');
});

test('a log-in’s failures count, and the thirtieth is remembered', async (t) => {
  const user = { appid: 'app', openId: 'logins' };
  for (let count = 0; count < 29; count++) await limits[0]?.tell(user);
  t.false(limits[0]?.isSpent(user));
  await limits[0]?.tell(user);
  t.true(limits[0]?.isSpent(user));
  t.is(await limits[1]?.take(user), 'spent');
});

test('with one try left few wait for it, and the others are told at once', async (t) => {
  const user = { appid: 'app', openId: 'in need' };
  const [limit] = limits as [(typeof limits)[number]];
  for (let count = 0; count < 29; count++) {
    t.is(await limit.take(user), 'taken');
    limit.settle(user, true);
  }
  t.is(await limit.take(user), 'taken');
  let crowded = 0;
  let taken = 0;
  await new Promise<void>((resolve, reject) => {
    for (let count = 0; count < 200; count++) {
      void limit.take(user).then((answer) => {
        if (answer === 'crowded') crowded++;
        // The one in hand ends when all have been told who do not wait.
        if (crowded === 192 && taken === 0) limit.settle(user, false);
        if (answer === 'taken' && ++taken) limit.settle(user, false);
        if (crowded + taken === 200) resolve();
      }, reject);
    }
  });
  t.true(taken >= 4 && taken <= 8, `${taken} waited`);
});

test('of many log-ins at once no more than thirty are tried in a process', (t) => {
  const user = { appid: 'app', openId: 'log-ins at once' };
  let tried = 0;
  for (let count = 0; count < 250; count++) {
    if (limits[0]?.isSpent(user)) continue;
    tried++;
    limits[0]?.note(user);
  }
  t.is(tried, 30);
});
