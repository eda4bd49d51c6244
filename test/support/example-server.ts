import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { findFreePort } from '../../apps/local/servers/ports.ts';
import { startServerProcess } from '../../apps/local/servers/server-process.ts';
import { rootDir } from './built.ts';
import { canConnect } from './can-connect.ts';
import type { OnClose } from './closing.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

export type ExampleLanguage = 'node' | 'python' | 'java' | 'php' | 'go';

interface Runtime {
  readonly program: string;
  readonly versionFlag: string;
  /** @returns program and arguments that run the example */
  readonly command: (port: number, dir: string) => [program: string, ...args: string[]];
}

const file = (name: string) => join(rootDir, 'examples', name);

const runtimes: Readonly<Record<ExampleLanguage, Runtime>> = {
  node: { program: 'node', versionFlag: '--version', command: () => ['node', file('node/server.js')] },
  python: { program: 'python3', versionFlag: '--version', command: () => ['python3', file('python/server.py')] },
  java: { program: 'java', versionFlag: '-version', command: () => ['java', file('java/Server.java')] },
  php: {
    program: 'php',
    versionFlag: '--version',
    command: (port) => ['php', '-S', `127.0.0.1:${port}`, file('php/server.php')],
  },
  go: {
    program: 'go',
    versionFlag: 'version',
    // Built first: `go run` would not pass a signal on to the program.
    command: (_port, dir) => {
      const binary = join(dir, 'server');
      execFileSync(runtimes.go.program, ['build', '-o', binary, file('go/server.go')], { stdio: 'pipe' });
      return [binary];
    },
  },
};

export const exampleLanguages = Object.keys(runtimes) as ExampleLanguage[];

/** Whether this machine can run that example. */
export function hasRuntime(language: ExampleLanguage): boolean {
  const { program, versionFlag } = runtimes[language];
  return spawnSync(program, [versionFlag], { stdio: 'ignore' }).status === 0;
}

/** Runs the back end in examples/ as its first line says. @returns its address */
export async function startExampleServer(
  language: ExampleLanguage,
  waferUrl: string,
  onClose: OnClose,
): Promise<string> {
  const folder = await createTemporaryFolder(language);
  onClose(() => folder.remove());
  const port = await findFreePort();
  const [binary, ...args] = runtimes[language].command(port, folder.path);
  const server = await startServerProcess({
    name: language,
    binary,
    args,
    dir: folder.path,
    env: { WAFER_URL: waferUrl, PORT: String(port) },
    isReady: () => canConnect(port),
    readyTimeoutMs: 60_000,
    stopSignal: 'SIGKILL',
  });
  onClose(() => server.stop());
  return `http://127.0.0.1:${port}`;
}
