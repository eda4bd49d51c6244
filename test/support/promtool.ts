import { execFile } from 'node:child_process';
import { canUseApt, installPackages } from '../../apps/local/servers/apt.ts';
import { findBinary } from '../../apps/local/servers/binaries.ts';

/** Installs Debian's prometheus if it is not there and can be had, without its service. */
export async function installPrometheus(): Promise<void> {
  if (findBinary('promtool') === undefined && canUseApt())
    await installPackages(['prometheus'], ['prometheus', 'prometheus-node-exporter'], (line) => console.error(line));
}

/**
 * What promtool finds wrong, '' if nothing.
 * @returns undefined where it can't be had
 */
export async function runPromtool(
  args: readonly string[],
  { cwd, input = '' }: { readonly cwd?: string; readonly input?: string } = {},
): Promise<string | undefined> {
  await installPrometheus();
  const binary = findBinary('promtool');
  if (binary === undefined) return undefined;
  return new Promise((resolve) => {
    const child = execFile(binary, args, { cwd }, (error, stdout, stderr) =>
      resolve(error === null ? '' : `${stdout}${stderr}${error.message}`),
    );
    child.stdin?.end(input);
  });
}

/** What `promtool check metrics` finds wrong with an exposition. */
export const findMetricFaults = (exposition: string): Promise<string | undefined> =>
  runPromtool(['check', 'metrics'], { input: exposition });
