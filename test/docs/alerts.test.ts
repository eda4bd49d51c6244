import test from 'ava';
import { parse } from 'yaml';
import { alertCases } from '../alerts/cases/index.ts';
import { read } from './repository.ts';

interface Alert {
  readonly alert?: string;
  readonly annotations: { readonly runbook: string };
}

const { groups } = parse(read('deploy/prometheus/wafer-session.rules.yml')) as { groups: { rules: Alert[] }[] };
const alerts = groups.flatMap(({ rules }) => rules).filter((rule) => rule.alert !== undefined);
const names = alerts.map(({ alert = '' }) => alert);

for (const page of ['docs/on-call.md', 'docs/on-call.zh-CN.md']) {
  test(`${page} has a paragraph for each alert, and for no other`, (t) => {
    const titles = [...read(page).matchAll(/^## (.+)$/gm)].map(([, title]) => title);
    t.deepEqual(titles, names);
  });
}

test('every alert leads to its paragraph', (t) => {
  t.deepEqual(
    alerts.map(({ annotations }) => annotations.runbook),
    names.map((name) => `docs/on-call.md#${name.toLowerCase()}`),
  );
});

test('every alert has a test in which it fires', (t) => {
  const { tests } = parse(read('deploy/prometheus/wafer-session.rules.test.yml')) as {
    tests: { alert_rule_test: { alertname: string; exp_alerts?: unknown }[] }[];
  };
  const fired = tests
    .flatMap(({ alert_rule_test: checks }) => checks)
    .filter(({ exp_alerts: expected }) => expected !== undefined)
    .map(({ alertname }) => alertname);
  t.deepEqual([...new Set(fired)].toSorted(), names.toSorted());
});

test('every alert has a fault that fires it in a real Prometheus', (t) => {
  t.deepEqual(
    alertCases.map(({ alert }) => alert),
    names,
  );
});
