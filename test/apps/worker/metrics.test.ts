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
