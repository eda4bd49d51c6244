import test from 'ava';
import { countSince } from '../../../apps/worker/samples/count-since.ts';
import { toStageTimes } from '../../../shared/administration/now/quantile.ts';
import { toAppRates } from '../../../shared/administration/now/rates.ts';
import { countGroup, type Counts } from '../../../shared/metrics/counts.ts';
import type { Snapshot } from '../../../shared/metrics/snapshot.ts';
import { toCounts, toRows } from '../../../shared/samples/sample-row.ts';
import { systemCounts, toSystemSample } from '../../../shared/samples/system-sample.ts';

const minute = (number: number) => 1_800_000_000_000 + number * 60_000;
const countOf = (counts: Counts) => counts['check ok wx1'] ?? 0;

test('what was counted is what the counters have grown by, group by group', (t) => {
  const first = countSince(undefined, { one: { 'check ok wx1': 100 } }, minute(0));
  t.is(countOf(first.counts), 0, 'nobody knows since when');
  const second = countSince(first.sampled, { one: { 'check ok wx1': 130 } }, minute(1));
  t.is(countOf(second.counts), 30);
  const other = countSince(second.sampled, { one: { 'check ok wx1': 131 }, two: { 'check ok wx1': 7 } }, minute(2));
  t.is(countOf(other.counts), 8, 'all that a new group has counted is new');
});

test('a group that is away for a while is not counted again when it is back', (t) => {
  const first = countSince({}, { one: { 'check ok wx1': 100 } }, minute(0));
  const away = countSince(first.sampled, {}, minute(1));
  const back = countSince(away.sampled, { one: { 'check ok wx1': 104 } }, minute(2));
  t.is(countOf(back.counts), 4);
});

test('after Redis has lost counters nothing counts twice while they come back', (t) => {
  const first = countSince({}, { one: { 'check ok wx1': 1000, 'check ok wx2': 5 } }, minute(0));
  const lost = countSince(first.sampled, { one: { 'check ok wx1': 200 } }, minute(1));
  t.deepEqual(lost.counts, {});
  const partly = countSince(lost.sampled, { one: { 'check ok wx1': 700, 'check ok wx2': 5 } }, minute(2));
  t.deepEqual(partly.counts, {});
  const again = countSince(partly.sampled, { one: { 'check ok wx1': 710, 'check ok wx2': 5 } }, minute(3));
  t.deepEqual(again.counts, { 'check ok wx1': 10 });
});

test('labels that somebody made up in Redis make neither apps nor names', (t) => {
  const value = (labels: object) => ({ value: 3, labels });
  const snapshot = [
    {
      name: 'wafer_app_checks_total',
      values: [value({ app: 'wx1', result: 'ok' }), value({ app: 'a b', result: 'ok' }), value({ result: 'ok' })],
    },
    {
      name: 'wafer_login_stage_seconds',
      values: [{ ...value({ stage: 'x\ny', le: 1 }), metricName: 'wafer_login_stage_seconds_bucket' }],
    },
  ] as unknown as Snapshot;
  t.deepEqual(countGroup({ group: 'one', processes: [], kept: snapshot }), { 'check ok wx1': 3 });
});

test('a thousand apps make a bounded number of rows whose sum is that of all', (t) => {
  const counts: Record<string, number> = {};
  for (let app = 0; app < 1000; app++) counts[`login failed wx${app}`] = 2;
  const rows = toRows(counts);
  t.true(rows.length <= 62, String(rows.length));
  t.is(rows.find(({ appid }) => appid === '')?.logins.failed, 2000);
  t.is(
    rows.filter(({ appid }) => appid !== '').reduce((sum, { logins }) => sum + logins.failed, 0),
    2000,
  );
});

test('counts come back from a sample as they went in', (t) => {
  const counts = {
    'login ok wx1': 3,
    'check refused other': 2,
    'stage queued 0.005': 1,
    'stage queued 0.01': 4,
    'stage queued +Inf': 5,
    'wechat code2session 40029': 7,
    'lookup cached': 1,
  };
  const system = JSON.parse(JSON.stringify(toSystemSample(counts))) as ReturnType<typeof toSystemSample>;
  t.deepEqual(system.stages, { queued: { '0.005': 1, '0.01': 3, '+Inf': 1 } });
  t.deepEqual({ ...toCounts(toRows(counts)), ...systemCounts([system]) }, counts);
  const doubled = systemCounts([system, system]);
  t.is(doubled['stage queued 0.01'], 8);
  t.is(doubled['wechat code2session 40029'], 14);
});

test('half and 95 % are reckoned within their buckets, also if those below are empty', (t) => {
  const counts = { 'stage mysql 0.05': 90, 'stage mysql 0.1': 100, 'stage mysql +Inf': 100, 'stage reply +Inf': 4 };
  const times = toStageTimes(counts);
  t.deepEqual(
    times.map(({ stage }) => stage),
    ['admitted', 'queued', 'wechat', 'decrypt', 'mysql', 'reply', 'total'],
  );
  // 90 between 25 and 50 ms, 10 between 50 and 100.
  t.deepEqual(times[4], { stage: 'mysql', count: 100, p50Ms: 38.9, p95Ms: 75 });
  t.deepEqual(
    times[5],
    { stage: 'reply', count: 4, p50Ms: 5000, p95Ms: 5000 },
    'longer than all bounds: at least so long',
  );
  t.deepEqual(times[0], { stage: 'admitted', count: 0, p50Ms: null, p95Ms: null });
});

test('what clients do wrong lowers no success rate', (t) => {
  const { total, apps } = toAppRates(
    { 'check ok wx1': 90, 'check refused wx1': 500, 'check failed wx1': 10, 'login ok other': 10 },
    10,
  );
  t.deepEqual(total.checks, { okPerSecond: 9, refusedPerSecond: 50, failedPerSecond: 1, successShare: 0.9 });
  t.deepEqual(
    apps.map(({ appid }) => appid),
    ['wx1', null],
  );
  t.is(apps[0]?.logins.successShare, null);
});
