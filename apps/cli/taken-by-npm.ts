import type { Command } from 'commander';

/**
 * The options that were meant for a program and that npm took for its own: of `npm run wafer app list --json`, without `--`, the program gets
 * `app list` alone, and an option's value as if it were an argument.
 * @param script as package.json names it
 * @param names of the program's options, without the dashes
 */
export function findTakenByNpm(env: NodeJS.ProcessEnv, script: string, names: Iterable<string>): string[] {
  if (env['npm_lifecycle_event'] !== script) return [];
  return [...new Set(names)].filter((name) => env[`npm_config_${name.replaceAll('-', '_')}`] !== undefined);
}

export function describeTaken(taken: readonly string[], script: string): string {
  return `${taken.map((name) => `--${name}`).join(', ')} went to npm. Put -- before what is meant for ${script}: npm run ${script} -- … --${taken[0]}. Nothing was done.`;
}

/** Of all commands below this one. */
export function optionNamesOf(command: Command): string[] {
  return [
    ...command.options.map(({ long }) => long?.slice(2) ?? ''),
    ...command.commands.flatMap((each) => optionNamesOf(each)),
  ].filter((name) => name !== '');
}
