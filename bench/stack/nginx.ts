import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findBinary } from '../../apps/local/servers/binaries.ts';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import { startServerProcess } from '../../apps/local/servers/server-process.ts';
import { SkippedError } from '../measure/result.ts';
import { onCores, type Cores } from './cores.ts';
import type { Program } from './programs.ts';

/**
 * One process of nginx that answers everything with 200 and the same body: no more than HTTP itself.
 * @throws {SkippedError} without nginx
 */
export async function startNginx(body: string, cores: Cores, runDir: string): Promise<Program> {
  const nginx = findBinary('nginx');
  if (nginx === undefined) throw new SkippedError('there is no nginx (apt install nginx-light)');
  const port = await findFreePort();
  const dir = join(runDir, 'nginx');
  mkdirSync(join(dir, 'temp'), { recursive: true });
  const text = body.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('$', '${dollar}');
  writeFileSync(
    join(dir, 'nginx.conf'),
    [
      'daemon off; master_process off; pid nginx.pid; error_log stderr; events { worker_connections 4096; }',
      'http { access_log off; keepalive_requests 1000000000;',
      ...['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path temp/${name};`),
      // It has no other way to say a dollar.
      "geo $dollar { default '$'; }",
      `server { listen 127.0.0.1:${port}; default_type application/json; location / { return 200 '${text}'; } }`,
      '}',
    ].join('\n'),
  );
  const url = `http://127.0.0.1:${port}`;
  const startedAt = performance.now();
  const command = onCores(cores, nginx, ['-p', dir, '-e', 'stderr', '-c', join(dir, 'nginx.conf')]);
  const server = await startServerProcess({
    name: 'nginx',
    binary: command.program,
    args: command.args,
    dir,
    isReady: async () => (await (await fetch(url)).text()) === body,
    readyTimeoutMs: 15_000,
    stopSignal: 'SIGTERM',
  });
  return { label: 'nginx', pid: server.pid, url, port, readyMs: performance.now() - startedAt, stop: server.stop };
}
