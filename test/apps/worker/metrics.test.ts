import test from 'ava';
import { createWorkerMetrics } from '../../../apps/worker/metrics.ts';

test('whatever WeChat answers makes few series: what it documents, and other', async (t) => {
  const metrics = createWorkerMetrics();
  const refused = (errcode: string) =>
    metrics.askedWechat('code2session', { kind: 'refused', errcode } as object as never, 0);
  const unreachable = (reason: string) =>
    metrics.askedWechat('code2session', { kind: 'unreachable', reason } as object as never, 0);
  for (let errcode = 40_000; errcode < 43_000; errcode++) refused(String(errcode));
  for (let status = 100; status < 1000; status++) unreachable(`wechat_http_${status}`);
  const series = (await metrics.snapshot())
    .filter(({ name }) => name === 'wafer_wechat_calls_total')
    .flatMap(({ values }) => values);
  const countOf = (result: string) => series.find(({ labels }) => labels['result'] === result)?.value;
  t.true(series.length < 110, `${series.length} series`);
  t.deepEqual([countOf('40029'), countOf('40163'), countOf('wechat_http_502'), countOf('40999')], [1, 1, 1, undefined]);
  t.is(
    series.reduce((sum, { value }) => sum + value, 0),
    3900,
    'each is counted',
  );
});

test('the last run of the retention is shown from the first one on', async (t) => {
  const metrics = createWorkerMetrics();
  const shown = async () => (await metrics.registry.metrics()).match(/^wafer_retention_\S+ .+$/gm);
  const none = ['sessions', 'audit', 'dropped'].map((rows) => `wafer_retention_removed_total{rows="${rows}"} 0`);
  t.deepEqual(await shown(), none);
  metrics.removedRows('sessions', 7);
  metrics.ranRetention({ endedAt: 1_700_000_000_000, tookMs: 1, removed: { sessions: 7 } });
  metrics.ranRetention({ endedAt: 1_600_000_000_000, tookMs: 1, removed: {} });
  const lines = await shown();
  t.is(lines?.[0], 'wafer_retention_removed_total{rows="sessions"} 7');
  t.is(lines?.[3], 'wafer_retention_last_run_timestamp_seconds 1700000000');
  t.regex(lines?.[4] ?? '', /^wafer_retention_last_run_age_seconds \d+/);
});
