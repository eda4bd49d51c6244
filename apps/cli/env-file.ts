import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

/** The variables of the file .env in a folder that are not in the environment: what is set there, even to nothing, counts first. */
export function readEnvFile(folder: string, environment: NodeJS.ProcessEnv): Record<string, string> {
  const file = join(folder, '.env');
  if (!existsSync(file)) return {};
  const variables = Object.entries(parseEnv(readFileSync(file, 'utf8')));
  return Object.fromEntries(
    variables.flatMap(([name, value]) =>
      environment[name] === undefined && value !== undefined ? [[name, value]] : [],
    ),
  );
}
