import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreePort } from '../../../apps/local/servers/ports.ts';
import { rootDir } from '../../support/built.ts';
import type { OnClose } from '../../support/closing.ts';
import { createTemporaryFolder } from '../../support/temporary-folder.ts';

/** What has come, in the order in which it came; what came twice is there twice. */
export interface ReceivedEvent {
  readonly id: string;
  readonly type: string;
  readonly openId: string;
  readonly sequence: number;
}

/** A receiver of events in a process of its own. */
export interface KillableReceiver {
  readonly url: string;
  /** kill -9, for so long, and there again. */
  killFor(ms: number): Promise<void>;
  received(): Promise<ReceivedEvent[]>;
}

export async function startKillableReceiver(onClose: OnClose): Promise<KillableReceiver> {
  const port = await findFreePort();
  const folder = await createTemporaryFolder('events');
  onClose(folder.remove);
  const file = join(folder.path, 'received');
  await writeFile(file, '');
  let child: ChildProcess | undefined;
  const start = async () => {
    child = fork(join(rootDir, 'dist/test/faults/support/event-receiver-process.js'), [String(port), file]);
    await once(child, 'message');
  };
  const kill = async () => {
    if (child === undefined) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    child = undefined;
  };
  onClose(kill);
  await start();
  return {
    url: `http://127.0.0.1:${port}/`,
    async killFor(ms) {
      await kill();
      await new Promise((resolve) => setTimeout(resolve, ms));
      await start();
    },
    async received() {
      const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line.endsWith('}'));
      return lines.map((line) => {
        const [, id = '', body = ''] = /^(\S+) (.*)$/.exec(line) ?? [];
        const { type, data } = JSON.parse(body) as { type: string; data: { openId: string; sequence: number } };
        return { id, type, openId: data.openId, sequence: data.sequence };
      });
    },
  };
}
