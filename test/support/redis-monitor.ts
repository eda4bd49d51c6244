import { recordRedis } from './redis-traffic.ts';

export interface MonitoredCommand {
  readonly name: string;
  readonly args: readonly string[];
}

const line = /^\+\d+\.\d+ \[\d+ (?<source>[^\]]*)\] (?<words>.*)$/;
const word = /"((?:[^"\\]|\\.)*)"/g;

/** The commands that clients sent to a Redis while `fn` ran; what scripts call inside does not count. */
export async function monitorRedis(url: string, fn: () => Promise<unknown>): Promise<MonitoredCommand[]> {
  const commands: MonitoredCommand[] = [];
  for (const text of (await recordRedis(url, fn)).split('\r\n')) {
    const { source, words } = line.exec(text)?.groups ?? {};
    if (words === undefined || source === 'lua') continue;
    const [name = '', ...args] = [...words.matchAll(word)].map(([, content = '']) => content);
    // The mark at the end is not the programs'.
    if (name === 'ECHO' && args[0]?.startsWith('end-') === true) break;
    commands.push({ name: name.toLowerCase(), args });
  }
  return commands;
}
