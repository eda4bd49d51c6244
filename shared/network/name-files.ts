import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';

/** What the machine itself says of names; where there is no such file, nothing. */
export interface NameFiles {
  readonly hosts: string;
  readonly resolver: string;
}

export const systemNameFiles: NameFiles = { hosts: '/etc/hosts', resolver: '/etc/resolv.conf' };

/** Addresses of a name in the file of hosts, in its order. */
export async function readHosts({ hosts }: NameFiles, host: string): Promise<string[]> {
  const wanted = host.toLowerCase().replace(/\.$/, '');
  return (await readLines(hosts))
    .filter(([address = '', ...names]) => isIP(address) !== 0 && names.some((name) => name.toLowerCase() === wanted))
    .map(([address = '']) => address);
}

/** The whole names that a name may stand for, in the order in which the system's resolver tries them. */
export async function readWholeNames({ resolver }: NameFiles, host: string): Promise<string[]> {
  if (host.endsWith('.')) return [host];
  let search: string[] = [];
  let dotsOfWhole = 1;
  for (const [word, ...values] of await readLines(resolver)) {
    if (word === 'search' || word === 'domain') search = values;
    if (word !== 'options') continue;
    const dots = values.map((value) => /^ndots:(\d+)$/.exec(value)?.[1]).find((value) => value !== undefined);
    if (dots !== undefined) dotsOfWhole = Number(dots);
  }
  const longer = search.map((suffix) => `${host}.${suffix}`);
  return host.split('.').length - 1 >= dotsOfWhole ? [host, ...longer] : [...longer, host];
}

/** Their words. */
async function readLines(path: string): Promise<string[][]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.split('\n').map((line) =>
    line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/),
  );
}
