import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { stopLeftOverApps } from './local-app.ts';
import { keepFromOthers } from './owner-alone.ts';
import { readStartSettings } from './settings.ts';
import { checkPorts, startStack } from './stack.ts';
import { takeStartLock } from './start-lock.ts';

/** npm passes a Ctrl-C on that the terminal has sent to us already: only a later one means "now, please". */
const secondSignalAfterMs = 1000;

// This file is dist/apps/local/main.js when it runs.
const rootDir = fileURLToPath(new URL('../../..', import.meta.url));
const dataDir = join(rootDir, '.data');
const others = 0o077;
const folderAdvice =
  'Run it in a copy of the project that belongs to you, or make the folder yours: sudo chown -R "$(id -un)" followed by its path.';
const closers: (() => Promise<void>)[] = [];
const stopping = new AbortController();
const stopped = new Promise<void>((resolve) => {
  stopping.signal.addEventListener('abort', () => resolve());
});
let stoppedAt = 0;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect'] as const) {
  process.on(signal, () => {
    if (!stopping.signal.aborted) {
      stoppedAt = Date.now();
      console.log('\nStopping … (Ctrl-C again to force)');
      stopping.abort();
    } else if (signal !== 'disconnect' && Date.now() - stoppedAt > secondSignalAfterMs) {
      // What still runs is killed by the exit.
      process.exit(130);
    }
  });
}

try {
  const settings = readStartSettings(process.env);
  // For everything that is started here too.
  process.umask(others);
  keepFromOthers(dataDir);
  const unlock = takeStartLock(join(dataDir, 'npm-start.json'));
  process.on('exit', unlock);
  await stopLeftOverApps(dataDir, console.log);
  await checkPorts(settings);
  const options = { rootDir, settings, log: console.log, signal: stopping.signal };
  console.log(await startStack({ ...options, onClose: (close) => closers.push(close) }));
  await stopped;
} catch (error) {
  if (!stopping.signal.aborted) {
    console.error(`\nnpm start failed: ${describeFailure(error)}`);
    process.exitCode = 1;
    stopping.abort();
  }
}

/** A folder that belongs to somebody else, or can't be written to, has an error that says only where it was noticed. */
function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!/^(EACCES|EPERM|EROFS|ENOSPC)$/.test((error as NodeJS.ErrnoException).code ?? '')) return error.message;
  return `${error.message}\nThe data are in ${dataDir}, which has to be yours and writable. ${folderAdvice}`;
}

// Web and worker go first, together, then what they need.
for (const close of closers.toReversed()) await close().catch((error: unknown) => console.error(error));
if (process.exitCode === undefined) console.log('Everything has been stopped.');
process.exit();
