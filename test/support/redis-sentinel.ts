import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { getBinary } from '../../apps/local/servers/binaries.ts';
import { findFreePort } from '../../apps/local/servers/ports.ts';
import { startServerProcess, type ServerProcess } from '../../apps/local/servers/server-process.ts';
import { canConnect } from './can-connect.ts';
import type { OnClose } from './closing.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

export interface TestSentinel {
  readonly port: number;
  readonly stop: ServerProcess['stop'];
}

/** A Sentinel that watches one master. @param settings of that master, such as `down-after-milliseconds` */
export async function startTestSentinel(options: {
  readonly onClose: OnClose;
  readonly masterName: string;
  readonly masterPort: number;
  readonly quorum: number;
  readonly settings: Readonly<Record<string, number | string>>;
  /** More lines of its configuration. */
  readonly lines?: readonly string[];
}): Promise<TestSentinel> {
  const { onClose, masterName, masterPort, quorum, settings, lines: more = [] } = options;
  const folder = await createTemporaryFolder('sentinel');
  onClose(folder.remove);
  const port = await findFreePort();
  const file = join(folder.path, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    ...more,
    `sentinel monitor ${masterName} 127.0.0.1 ${masterPort} ${quorum}`,
    ...Object.entries(settings).map(([name, value]) => `sentinel ${name} ${masterName} ${value}`),
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  const server = await startServerProcess({
    name: 'sentinel',
    binary: getBinary('redis-server'),
    args: [file, '--sentinel'],
    dir: folder.path,
    // As redis.ts does for servers: Redis 8 and Valkey 8 end where a locale is not installed.
    env: { LC_ALL: 'C' },
    isReady: () => canConnect(port),
    readyTimeoutMs: 30_000,
    stopSignal: 'SIGKILL',
  });
  onClose(() => server.stop());
  return { port, stop: server.stop };
}
