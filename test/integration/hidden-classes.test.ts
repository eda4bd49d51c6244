import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { login, newUser } from '../support/client.ts';
import { closeAfterAll } from '../support/closing.ts';
import { startProcess } from '../support/processes.ts';
import { startStack, untilReady } from '../support/stack.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

const onClose = closeAfterAll(test);
const stack = await startStack({ onClose, workers: 0 });
const folder = await createTemporaryFolder('hidden-classes');
onClose(folder.remove);
/** What mysql2 adds to its own copy of a statement's options. */
const ofLibraries = new Set(['sql', 'values']);

/**
 * V8 of Node 20 makes a hidden class for each object that begins with a copy of another, `{ ...one, more: 1 }`, and whatever reads it is
 * slow from then on. Those of log-ins were a third of a worker's old garbage (docs/performance/experiments.md).
 */
test('log-ins make no hidden classes of their own', async (t) => {
  const log = join(folder.path, 'v8.log');
  const flags = ['--log-maps', `--logfile=${log}`, '--no-logfile-per-isolate'];
  const spawnedAt = performance.now();
  const worker = startProcess('worker', stack.env, onClose, flags);
  await worker.logged('worker takes jobs');
  await untilReady(stack.urls[0]);
  /** The process's age, or a little more: what it made to start up does not count. */
  const startUs = (performance.now() - spawnedAt) * 1000;
  const logins = 60;
  for (let count = 0; count < logins; count++) {
    const user = newUser();
    t.is((await login(stack.urls[0], `${user}~1`)).returnMessage, 'NEW_SESSION_SUCCESS');
    t.is((await login(stack.urls[0], `${user}~2`)).returnMessage, 'UPDATE_SESSION_SUCCESS');
  }
  // The log is written to its end when the process ends.
  worker.kill('SIGTERM');
  t.is(await worker.exited, 0);
  const made = new Map<string, number>();
  for (const line of readFileSync(log, 'latin1').split('\n')) {
    const [kind, event, us, , , , , , reason, property = ''] = line.split(',');
    if (kind === 'map' && event === 'Transition' && reason === 'prototype' && Number(us) > startUs)
      made.set(property, (made.get(property) ?? 0) + 1);
  }
  t.true((made.get('sql') ?? 0) > logins, 'the log tells of them');
  const often = [...made].filter(([property, count]) => count >= logins && !ofLibraries.has(property));
  t.deepEqual(often, []);
});
