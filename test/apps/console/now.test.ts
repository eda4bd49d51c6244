import test from 'ava';
import { createNowFeed } from '../../../apps/console/now-feed.ts';
import type { Now } from '../../../shared/administration/now/now.ts';
import { closeAfterAll } from '../../support/closing.ts';
import { startTestConsole } from '../../support/console.ts';
import { until } from '../../support/until.ts';

const onClose = closeAfterAll(test);
const console = await startTestConsole({ onClose });
const viewer = await console.token('viewer');
const { database } = console;

interface Watcher {
  readonly messages: Now[];
  close(): void;
}

async function watch(): Promise<Watcher> {
  const leaving = new AbortController();
  onClose(async () => leaving.abort());
  const response = await fetch(`${console.url}/api/v1/now/stream`, {
    headers: { Authorization: `Bearer ${viewer}` },
    signal: leaving.signal,
  });
  const messages: Now[] = [];
  let text = '';
  const read = async () => {
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk as Uint8Array).toString();
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const [event, data] = text.slice(0, end).split('\n');
        text = text.slice(end + 2);
        if (event === 'event: now') messages.push(JSON.parse(data?.slice('data: '.length) ?? '') as Now);
      }
    }
  };
  read().catch(() => undefined);
  return { messages, close: () => leaving.abort() };
}

test.serial('ten who watch get the same messages, each gathered once', async (t) => {
  const watchers = await Promise.all(Array.from({ length: 10 }, watch));
  await until('each has three', () => watchers.every(({ messages }) => messages.length >= 3));
  for (const watcher of watchers) watcher.close();
  const times = watchers.map(({ messages }) => messages.slice(0, 3).map(({ at }) => at));
  t.true(new Set(times.flat()).size <= 4, 'of three or four gatherings');
  t.deepEqual(
    watchers[0]?.messages[0]?.stores.map(({ isUp }) => isUp),
    [true, true, true, true],
  );
});

test('nothing is gathered while nobody watches, and who leaves in between is forgotten', async (t) => {
  let gathered = 0;
  const feed = createNowFeed({
    read: async () => ({ at: String(++gathered) }) as Now,
  });
  const leaving = new AbortController();
  const seen: string[] = [];
  const watching = (async () => {
    for await (const { at } of feed.watch(leaving.signal)) seen.push(at);
  })();
  await until('it was gathered twice', () => gathered === 2);
  leaving.abort();
  await watching;
  t.deepEqual(seen, ['1', '2']);
  await new Promise((resolve) => setTimeout(resolve, 2500));
  t.is(gathered, 2);
});

test.serial('now is answered once, too, and says what is missing', async (t) => {
  const { status, body } = await console.api('GET', '/now', { as: viewer });
  t.is(status, 200);
  const now = body as Now;
  t.deepEqual(now.degraded.map(({ code }) => code).toSorted(), ['app', 'web', 'worker']);
  t.deepEqual(
    now.loginTimes.map(({ stage }) => stage),
    ['admitted', 'queued', 'wechat', 'decrypt', 'mysql', 'reply', 'total'],
  );
});

const minute = (number: number) => `2026-01-01T00:${String(number).padStart(2, '0')}:00.000Z`;

test.serial('samples are added up by steps, and what nobody looked at is a gap', async (t) => {
  const more = JSON.stringify({
    stages: { mysql: { '0.005': 10 } },
    counts: { 'wechat code2session 40029': 2 },
    waiting: 3,
    oldestMs: 1500,
    web: 2,
    workers: 1,
  });
  for (const [at, appid, ok, system] of [
    ['08:00', '', 5, more],
    ['08:00', 'wx1', 5, null],
    ['08:01', '', 7, more],
    ['08:01', 'wx1', 4, null],
    ['08:01', 'wx2', 3, null],
    ['08:04', '', 1, null],
  ] as const)
    await database.query(
      'insert into cWaferSample (appid, at, seconds, logins_ok, checks_failed, more) values (?, ?, 60, ?, 1, ?)',
      [appid, `2026-01-01 ${at}:00`, ok, system],
    );
  const query = `from=${minute(0)}&to=${minute(6)}&step=120`;
  const { body } = await console.api('GET', `/samples?${query}`, { as: viewer });
  t.like(body, { from: minute(0), to: minute(6), stepSeconds: 120 });
  t.deepEqual(body.series, [
    {
      appid: null,
      points: [
        {
          at: minute(0),
          seconds: 120,
          logins: { ok: 12, refused: 0, failed: 0 },
          checks: { ok: 0, refused: 0, failed: 2 },
        },
        {
          at: minute(2),
          seconds: 0,
          logins: { ok: 0, refused: 0, failed: 0 },
          checks: { ok: 0, refused: 0, failed: 0 },
        },
        {
          at: minute(4),
          seconds: 60,
          logins: { ok: 1, refused: 0, failed: 0 },
          checks: { ok: 0, refused: 0, failed: 1 },
        },
      ],
    },
  ]);
  t.like(body.system[0], {
    waitingMost: 3,
    oldestSecondsMost: 1.5,
    web: 2,
    workers: 1,
    wechat: [{ result: '40029', count: 4 }],
  });
  t.deepEqual(body.system[0].loginTimes[4], { stage: 'mysql', count: 20, p50Ms: 3.5, p95Ms: 4.9 });
  t.like(body.system[1], { waitingMost: null, web: null });
  const each = await console.api('GET', `/samples?${query}&appid=*`, { as: viewer });
  t.deepEqual(
    each.body.series.map(({ appid }: { appid: string }) => appid),
    ['wx1', 'wx2'],
  );
  const one = await console.api('GET', `/samples?${query}&appid=wx2`, { as: viewer });
  t.is(one.body.series[0].points[0].logins.ok, 3);
});

test.serial('an hour is shown by minutes, thirty days by hours, and no span without end', async (t) => {
  const steps = async (query: string) => console.api('GET', `/samples?${query}`, { as: viewer });
  const hour = (await steps('')).body;
  t.is(hour.stepSeconds, 60);
  t.true(hour.series[0].points.length >= 60);
  t.is((await steps('from=2026-01-01T00:00:00Z&to=2026-01-31T00:00:00Z')).body.stepSeconds, 7200);
  for (const query of [
    'from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z',
    'from=2020-01-01T00:00:00Z&to=2026-01-01T00:00:00Z&step=60',
    'from=yesterday',
    'from=9999-12-30T00:00:00Z&to=9999-12-31T23:59:59Z',
    'from=0000-01-01T00:00:00%2B23:59&to=0000-01-02T00:00:00Z',
    'step=61',
  ])
    t.is((await steps(query)).status, 400, query);
  const ends = 'from=9998-12-30T00:00:00Z&to=9998-12-31T23:59:59Z&step=86400';
  for (const query of ['to=1970-01-01T00:00:00Z', ends]) t.is((await steps(query)).status, 200, query);
  for (const list of ['/audit?from=', '/audit?to=', '/sessions?loggedInFrom=', '/sessions?visitedTo='])
    for (const [at, status] of [
      ['9999-12-31T23:59:59Z', 400],
      ['0000-01-01T00:00:00%2B23:59', 400],
      ['9998-12-31T23:59:59-23:59', 400],
      ['9998-12-31T23:59:59Z', 200],
      ['1970-01-01T00:00:00Z', 200],
    ] as const)
      t.is((await console.api('GET', list + at, { as: viewer })).status, status, list + at);
});
