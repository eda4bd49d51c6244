import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { rootDir } from './root-dir.ts';

export const peersDir = join(rootDir, 'bench', 'peers');
const installTimeoutMs = 300_000;

export const peerScript = (name: string) => join(peersDir, 'servers', `${name}.js`);

/** The peers' packages, on first use. They are no part of the product's own install. @throws with npm's output */
export async function installPeers(log: (line: string) => void): Promise<void> {
  if (existsSync(join(peersDir, 'node_modules', '.package-lock.json'))) return;
  log('Installing the peers (npm ci in bench/peers) …');
  // An engine that a peer asks for is its own business.
  const args = ['ci', '--no-audit', '--no-fund', '--engine-strict=false'];
  const npm = process.env['npm_execpath'];
  const [program, programArgs] = npm?.endsWith('js') ? [process.execPath, [npm, ...args]] : ['npm', args];
  await new Promise<void>((resolve, reject) => {
    execFile(program, programArgs, { cwd: peersDir, timeout: installTimeoutMs }, (error, stdout, stderr) => {
      if (error) reject(new Error(`npm ci in bench/peers failed:\n${stdout}${stderr}`));
      else resolve();
    });
  });
}
