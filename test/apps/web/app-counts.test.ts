import { Registry } from 'prom-client';
import test from 'ava';
import { createAppTally } from '../../../apps/web/app-tally.ts';
import { appResultOf } from '../../../apps/web/interfaces/app-result.ts';
import { fail } from '../../../shared/protocol/outcome.ts';
import { toApps, type Apps } from '../../../shared/session/app-settings.ts';

const appid = (number: number) => `wx${String(number).padStart(16, '0')}`;
const appsOf = (count: number, marked?: number): Apps =>
  toApps(
    Array.from({ length: count }, (_, number) => ({
      appid: appid(number),
      isMarkedDefault: number === marked,
    })) as unknown as Parameters<typeof toApps>[0],
  );

async function seriesOf(registry: Registry): Promise<Map<string, number>> {
  const [metric] = await registry.getMetricsAsJSON();
  return new Map(metric?.values.map(({ labels, value }) => [`${labels['app']} ${labels['result']}`, value]));
}

test('fifty of a thousand apps have series of their own, the others share one', async (t) => {
  const registry = new Registry();
  const tally = createAppTally({ name: 'x_total', help: 'x', registry });
  const apps = appsOf(1000, 777);
  for (let number = 0; number < 1000; number++) tally.add(apps, appid(number), 'ok');
  tally.add(apps, appid(777), 'failed');
  const series = await seriesOf(registry);
  t.is(series.size, 51 * 3);
  t.is(series.get('other ok'), 950);
  t.is(series.get(`${appid(0)} ok`), 1);
  t.is(series.get(`${appid(777)} failed`), 1, 'the default app is one of them');
  t.is(series.get(`${appid(48)} ok`), 1);
  t.is(series.get(`${appid(49)} ok`), undefined);
});

test('an app keeps its series when apps before it come and go', async (t) => {
  const registry = new Registry();
  const tally = createAppTally({ name: 'x_total', help: 'x', registry });
  const last = appid(7);
  tally.add(appsOf(8, 0), last, 'ok');
  tally.add(toApps([{ appid: last, isMarkedDefault: true } as Parameters<typeof toApps>[0][number]]), last, 'ok');
  t.is((await seriesOf(registry)).get(`${last} ok`), 2);
});

test('apps that come and go for ever make no series without end', async (t) => {
  const registry = new Registry();
  const tally = createAppTally({ name: 'x_total', help: 'x', registry });
  for (let number = 0; number < 1000; number++) {
    const app = { appid: appid(number), isMarkedDefault: true } as Parameters<typeof toApps>[0][number];
    tally.add(toApps([app]), app.appid, 'ok');
  }
  const series = await seriesOf(registry);
  t.true(series.size <= 201 * 3, String(series.size));
  t.is(
    [...series.values()].reduce((sum, count) => sum + count, 0),
    1000,
    'each is counted',
  );
});

for (const [outcome, result] of [
  [fail('sessionInvalid'), 'refused'],
  [fail('codeRefused', 'code_used'), 'refused'],
  [fail('codeRefused', 'wechat:40029'), 'refused'],
  [fail('codeRefused', 'wechat:40125'), 'failed'],
  [fail('codeRefused', 'wechat:-1'), 'failed'],
  [fail('codeRefused', 'component_not_authorized'), 'failed'],
  [fail('loginDecryptFailed', 'signature_wrong'), 'refused'],
  [fail('wechatUnreachable', 'wechat_timeout'), 'failed'],
  [fail('wechatAnswerInvalid'), 'failed'],
  [fail('sessionNotWritten', 'overloaded'), 'failed'],
  [fail('databaseError', 'store_unavailable'), 'failed'],
] as const)
  test(`${outcome.failure}${outcome.reason === undefined ? '' : ` (${outcome.reason})`} counts as ${result}`, (t) => {
    t.is(appResultOf(outcome), result);
  });
