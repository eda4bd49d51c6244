#!/usr/bin/env node
// The command `wafer`. Plain JavaScript, so that it can say what is missing before anything is built.
import { existsSync } from 'node:fs';

const program = new URL('../../dist/apps/cli/main.js', import.meta.url);

if (existsSync(program)) {
  // A bug is told with file and line of the source.
  process.setSourceMapsEnabled(true);
  await import(program.href);
} else {
  const message = 'The server is not built yet. Run this first: npm run build';
  console.error(`wafer: ${message}`);
  if (process.argv.includes('--json')) console.log(JSON.stringify({ error: { code: 'not_built', message } }, null, 2));
  process.exitCode = 1;
}
