import { readFileSync } from 'node:fs';

/**
 * Whether this process was given WAFER_KEYS, which a front end never needs; from now on it does not see it. pm2's daemon hands its own
 * environment on, and hides what it overrules only from the program, so that /proc tells more than process.env.
 */
export function dropKeysFromEnvironment(): boolean {
  const isVisible = Boolean(process.env['WAFER_KEYS']);
  delete process.env['WAFER_KEYS'];
  return isVisible || /WAFER_KEYS(=|":")[^\0"]/.test(readFirstEnvironment());
}

function readFirstEnvironment(): string {
  try {
    return readFileSync('/proc/self/environ', 'latin1');
  } catch {
    return '';
  }
}
