import { execFile } from 'node:child_process';
import { canUseApt, installPackages } from '../../apps/local/servers/apt.ts';
import { findBinary } from '../../apps/local/servers/binaries.ts';

/**
 * What `promtool check metrics` finds wrong with an exposition, '' if nothing. Installs Debian's prometheus if it is not there, without its
 * service. @returns undefined where it can't be had
 */
export async function findMetricFaults(exposition: string): Promise<string | undefined> {
  if (findBinary('promtool') === undefined && canUseApt())
    await installPackages(['prometheus'], ['prometheus', 'prometheus-node-exporter'], (line) => console.error(line));
  const binary = findBinary('promtool');
  if (binary === undefined) return undefined;
  return new Promise((resolve) => {
    const child = execFile(binary, ['check', 'metrics'], (error, stdout, stderr) =>
      resolve(error === null ? '' : `${stdout}${stderr}${error.message}`),
    );
    child.stdin?.end(exposition);
  });
}
