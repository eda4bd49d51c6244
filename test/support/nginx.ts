import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { canUseApt, installPackages } from '../../apps/local/servers/apt.ts';
import { findBinary, getBinary } from '../../apps/local/servers/binaries.ts';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import { startServerProcess } from '../../apps/local/servers/server-process.ts';
import { canConnect } from './can-connect.ts';
import type { OnClose } from './closing.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

/**
 * A private nginx with these `server` and `upstream` blocks, whose `listen 80` becomes a free port. Installs Debian's nginx-light if there
 * is none, without its service.
 * @returns its address
 */
export async function startNginx(blocks: string, onClose: OnClose): Promise<string> {
  if (findBinary('nginx') === undefined && canUseApt()) {
    await installPackages(['nginx-light'], ['nginx'], (line) => console.error(line));
  }
  const binary = getBinary('nginx');
  const folder = await createTemporaryFolder('nginx');
  onClose(() => folder.remove());
  const port = await findFreePort();
  const dir = folder.path;
  const main = [
    'daemon off;',
    ...(process.getuid?.() === 0 ? ['user root;'] : []),
    'worker_processes 1;',
    'pid nginx.pid;',
    'error_log stderr;',
    'events {}',
    'http {',
    'access_log off;',
    ...['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path temp/${name};`),
    blocks.replaceAll('listen 80;', `listen 127.0.0.1:${port};`),
    '}',
  ];
  mkdirSync(join(dir, 'temp'));
  writeFileSync(join(dir, 'nginx.conf'), main.join('\n'));
  const server = await startServerProcess({
    name: 'nginx',
    binary,
    args: ['-p', dir, '-e', 'stderr', '-c', join(dir, 'nginx.conf')],
    dir,
    isReady: () => canConnect(port),
    readyTimeoutMs: 15_000,
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 5000,
  });
  onClose(() => server.stop());
  return `http://127.0.0.1:${port}`;
}
