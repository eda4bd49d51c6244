import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadOnCores } from '../stack/cores.ts';
import { peersDir } from '../stack/peers.ts';
import type { LoadGenerator, LoadResult } from './load.ts';

const script = fileURLToPath(new URL('autocannon-process.js', import.meta.url));

/** Load by autocannon, where wrk is not installed. Slower, so it may be the limit itself; it works everywhere. */
export const loadWithAutocannon: LoadGenerator = (options) =>
  new Promise((resolve, reject) => {
    const { program, args } = loadOnCores(options.cores, 'last', process.execPath, [script]);
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.once('error', reject);
    child.once('close', (status) => {
      if (status === 0) resolve(JSON.parse(output) as LoadResult);
      else reject(new Error(`autocannon ended with status ${status}`));
    });
    child.stdin.end(JSON.stringify({ options, module: join(peersDir, 'node_modules', 'autocannon', 'autocannon.js') }));
  });
