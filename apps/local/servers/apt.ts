import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

import { findBinary, type ServerKind } from './binaries.ts';

const policyFile = '/usr/sbin/policy-rc.d';
const policyBackup = `${policyFile}.before-wafer-session`;
const policyMark = 'written by wafer-session for the time of one apt-get install';
/** Another apt-get may be running: wait for its lock, in seconds. */
const lockTimeoutSeconds = 120;

/** True on Debian, Ubuntu and their relatives, as root, with apt-get. */
export function canUseApt(): boolean {
  if (process.getuid?.() !== 0 || spawnSync('apt-get', ['--version']).status !== 0) return false;
  try {
    return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}

/** The Debian packages of these servers, without versions. */
export function packagesOf(kinds: readonly ServerKind[]): string[] {
  return kinds.flatMap((kind) =>
    kind === 'redis' ? ['redis-server'] : ['mariadb-server-core', 'mariadb-client-core'],
  );
}

/** Installs the programs of these servers. No service of the system is started by it, now or at the next boot. */
export async function installWithApt(kinds: readonly ServerKind[], log: (line: string) => void): Promise<void> {
  await installPackages(packagesOf(kinds), kinds.includes('redis') ? ['redis-server'] : [], log);
  if (kinds.includes('mariadb') && !findBinary('mariadb-install-db')) {
    throw new Error('mariadb-install-db is missing after the installation of MariaDB');
  }
}

/**
 * Installs Debian packages, named without versions. Removes none: MariaDB's client would take the place of MySQL's.
 * @param services what they would start at the next boot; those that were not on this machine before are disabled
 * @throws with the end of apt-get's output
 */
export async function installPackages(
  names: readonly string[],
  services: readonly string[],
  log: (line: string) => void,
): Promise<void> {
  log('Updating the package lists (apt-get update) …');
  const update = await runApt(['update']);
  // One dead third-party source must not be the end: what is needed may be in another.
  if (update.status !== 0) log('apt-get update reported errors; trying to install all the same');

  const packages = names.map(resolvePackage);
  log(`Installing ${packages.join(', ')} with apt-get (no service is started) …`);
  const newServices = services.filter((service) => !existsSync(`/lib/systemd/system/${service}.service`));
  const restorePolicy = denyServiceStarts();
  process.on('exit', restorePolicy);
  try {
    const install = await runApt(['install', '-y', '--no-remove', '--no-install-recommends', ...packages]);
    if (install.status !== 0)
      throw new Error(`apt-get install failed:\n${install.output.split('\n').slice(-15).join('\n')}`);
  } finally {
    process.off('exit', restorePolicy);
    restorePolicy();
  }
  // The packages enable their services for the next boot; nobody asked for those.
  for (const service of newServices) spawnSync('systemctl', ['disable', `${service}.service`], { stdio: 'ignore' });
}

function runApt(args: string[]): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('apt-get', ['-q', '-o', `DPkg::Lock::Timeout=${lockTimeoutSeconds}`, ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, output }));
  });
}

/** Older releases have the version in the name: mariadb-server-core-10.5. */
function resolvePackage(name: string): string {
  const { stdout } = spawnSync('apt-cache', ['pkgnames', name], { encoding: 'utf8' });
  const candidates = (stdout ?? '').split('\n').filter(Boolean);
  if (candidates.includes(name) || !candidates.length) return name;
  const versioned = candidates.filter((candidate) => /^-[\d.]+$/.test(candidate.slice(name.length)));
  return versioned.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1) ?? name;
}

/** Debian's way to say that packages may not start services; returns how to put back what was there. */
function denyServiceStarts(): () => void {
  restorePolicyFile();
  if (existsSync(policyFile)) renameSync(policyFile, policyBackup);
  writeFileSync(policyFile, `#!/bin/sh\n# ${policyMark}\nexit 101\n`, { mode: 0o755 });
  return restorePolicyFile;
}

/** Also repairs what a run that was killed in between left behind. */
function restorePolicyFile(): void {
  if (existsSync(policyFile) && readFileSync(policyFile, 'utf8').includes(policyMark)) rmSync(policyFile);
  if (existsSync(policyBackup) && !existsSync(policyFile)) renameSync(policyBackup, policyFile);
}
