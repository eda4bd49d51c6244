import { Redis } from 'ioredis';

export interface MonitoredCommand {
  readonly name: string;
  readonly args: readonly string[];
}

/** The commands that clients sent to a Redis while `fn` ran; what scripts call inside does not count. */
export async function monitorRedis(url: string, fn: () => Promise<unknown>): Promise<MonitoredCommand[]> {
  const commands: MonitoredCommand[] = [];
  const client = new Redis(url);
  const marker = `end-of-monitoring-${Math.random()}`;
  try {
    const monitor = await client.monitor();
    const ended = new Promise<void>((resolve) => {
      monitor.on('monitor', (_time: string, [name = '', ...args]: string[], source: string) => {
        if (args[0] === marker) resolve();
        else if (source !== 'lua') commands.push({ name: name.toLowerCase(), args });
      });
    });
    await fn();
    // The monitor reports in order: when this one is reported, all before it have been.
    await client.echo(marker);
    await ended;
    monitor.disconnect();
    return commands;
  } finally {
    client.disconnect();
  }
}
