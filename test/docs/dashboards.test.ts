import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { stringify } from 'yaml';
import { rootDir } from '../support/built.ts';
import { expressionsOf, readDashboards, readRules } from '../support/monitored-series.ts';
import { runPromtool } from '../support/promtool.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

const dashboards = readDashboards();
const columns = 24;

test('the dashboards are what deploy/grafana/build.js makes', async (t) => {
  await t.notThrowsAsync(promisify(execFile)(process.execPath, [join(rootDir, 'deploy/grafana/build.js'), '--check']));
});

test('there are three, each with an address of its own, of a model that Grafana knows', (t) => {
  t.deepEqual(dashboards.map(({ uid }) => uid).toSorted(), ['wafer-log-ins', 'wafer-overview', 'wafer-stores']);
  for (const { schemaVersion, panels } of dashboards) {
    t.is(schemaVersion, 39);
    t.is(new Set(panels.map(({ id }) => id)).size, panels.length);
  }
});

test('panels have a title, queries and a place that no other has', (t) => {
  for (const { panels } of dashboards) {
    const taken = new Set<string>();
    for (const { title, type, targets = [], gridPos } of panels) {
      t.not(title, '');
      t.is(targets.length === 0, type === 'row', title);
      t.true(gridPos.x + gridPos.w <= columns, title);
      for (const { datasource } of targets) t.is(datasource.uid, '${datasource}', title);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          t.false(taken.has(`${x} ${y}`), title);
          taken.add(`${x} ${y}`);
        }
    }
  }
});

test('what rules record and dashboards show has the same name in both', (t) => {
  const recorded = new Set(readRules().flatMap(({ record }) => record ?? []));
  const shown = dashboards.flatMap((each) => expressionsOf(each).flatMap((expr) => expr.match(/\w+:[\w:]+/g) ?? []));
  t.deepEqual(new Set(shown), recorded);
});

test('Prometheus understands every expression of a dashboard', async (t) => {
  const folder = await createTemporaryFolder('dashboards');
  t.teardown(folder.remove);
  const expressions = dashboards.flatMap(expressionsOf).filter((expr) => !expr.startsWith('label_values('));
  const rules = expressions.map((expr, index) => ({
    record: `panel:${index}:x`,
    expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$app', '.*'),
  }));
  t.true(rules.length > 40);
  await writeFile(join(folder.path, 'rules.yml'), stringify({ groups: [{ name: 'panels', rules }] }));
  const faults = await runPromtool(['check', 'rules', join(folder.path, 'rules.yml')]);
  if (faults === undefined) return t.log('promtool is not there: not checked');
  return t.is(faults, '');
});
