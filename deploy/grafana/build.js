// node deploy/grafana/build.js           writes dashboards/*.json out of dashboards.js
// node deploy/grafana/build.js --check   says whether they are what it would write
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { logIns, overview, stores } from './dashboards.js';

const isCheck = process.argv[2] === '--check';
const stale = [];
for (const dashboard of [overview, logIns, stores]) {
  const file = join(import.meta.dirname, 'dashboards', `${dashboard.uid}.json`);
  const text = `${JSON.stringify(dashboard, undefined, 2)}\n`;
  if (!isCheck) writeFileSync(file, text);
  else if (readFileSync(file, 'utf8') !== text) stale.push(file);
}
if (stale.length > 0) {
  console.error(`not as build.js makes them: ${stale.join(', ')}`);
  process.exitCode = 1;
}
