import { hostname, userInfo } from 'node:os';
import { Option } from 'commander';
import type { Actor } from '../../shared/store/audit.ts';
import { UsageFailure } from './result.ts';

export interface ByOption {
  readonly by?: string;
}

const maxNameLength = 100;

/** For every command that changes something. A new one each time: commander keeps state in it. */
export const createByOption = (): Option =>
  new Option('--by <name>', 'who wants this, for the audit log, beside the user of the operating system').argParser(
    (name) => {
      if (name.trim() !== '' && name.length <= maxNameLength) return name;
      throw new UsageFailure(`--by takes a name of at most ${maxNameLength} characters`);
    },
  );

/** Who runs this command. `--by` comes beside the user of the operating system, so it can't hide that one. */
export function findActor({ by }: ByOption): Actor {
  return { osUser: findUser(), host: hostname(), ...(by === undefined ? {} : { byName: by }) };
}

function findUser(): string {
  let user = String(process.getuid?.() ?? 'unknown');
  try {
    user = userInfo().username;
  } catch {
    // In containers a user may have a number and no name.
  }
  const { SUDO_USER: behind } = process.env;
  return behind === undefined || behind === user ? user : `${user} (sudo by ${behind})`;
}
