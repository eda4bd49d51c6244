import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { canUseApt, installPackages } from '../../apps/local/servers/apt.ts';
import { findBinary, getBinary } from '../../apps/local/servers/binaries.ts';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import { startServerProcess } from '../../apps/local/servers/server-process.ts';
import { canConnect } from './can-connect.ts';
import type { OnClose } from './closing.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

export interface Haproxy {
  /** Where it takes requests. */
  readonly url: string;
  /** What it thinks of its server: `UP`, `DOWN`, or how far it is on the way, such as `UP 1/2`. */
  readonly state: () => Promise<string>;
  /** What the last health check got: an HTTP status, or empty. */
  readonly lastStatus: () => Promise<string>;
}

/**
 * A private HAProxy before one server. Installs Debian's haproxy if there is none, without its service.
 * @param health lines of the backend that say how health is asked, such as `option httpchk /readyz`
 */
export async function startHaproxy(serverUrl: string, health: readonly string[], onClose: OnClose): Promise<Haproxy> {
  if (findBinary('haproxy') === undefined && canUseApt()) {
    await installPackages(['haproxy'], ['haproxy'], (line) => console.error(line));
  }
  const binary = getBinary('haproxy');
  const folder = await createTemporaryFolder('haproxy');
  onClose(() => folder.remove());
  const [port, statsPort] = [await findFreePort(), await findFreePort()];
  const config = [
    'defaults',
    '  mode http',
    ...['connect 2s', 'client 20s', 'server 20s'].map((line) => `  timeout ${line}`),
    'frontend requests',
    `  bind 127.0.0.1:${port}`,
    '  default_backend wafer',
    'frontend stats',
    `  bind 127.0.0.1:${statsPort}`,
    '  stats enable',
    '  stats uri /',
    'backend wafer',
    ...health.map((line) => `  ${line}`),
    `  server web ${new URL(serverUrl).host} check inter 200 rise 1 fall 1`,
    '',
  ];
  const file = join(folder.path, 'haproxy.cfg');
  writeFileSync(file, config.join('\n'));
  const server = await startServerProcess({
    name: 'haproxy',
    binary,
    args: ['-db', '-f', file],
    dir: folder.path,
    isReady: () => canConnect(port),
    readyTimeoutMs: 15_000,
    stopSignal: 'SIGUSR1',
    stopTimeoutMs: 5000,
  });
  onClose(() => server.stop());
  const read = async (column: string): Promise<string> => {
    const text = await (await fetch(`http://127.0.0.1:${statsPort}/;csv`)).text();
    const [names = [], ...rows] = text.split('\n').map((line) => line.replace(/^# /, '').split(','));
    const row = rows.find(([backend, name]) => backend === 'wafer' && name === 'web');
    return row?.[names.indexOf(column)] ?? '';
  };
  return { url: `http://127.0.0.1:${port}`, state: () => read('status'), lastStatus: () => read('check_code') };
}
