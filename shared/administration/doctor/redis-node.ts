import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';

/** What one Redis server says of itself. */
export interface RedisNode {
  /** host:port */
  readonly name: string;
  readonly info: ReadonlyMap<string, string>;
  /** Seconds that its clock is ahead of ours. */
  readonly driftSeconds: number;
  /** What it said when it was to write; undefined if it wrote. */
  readonly writeFailure: string | undefined;
}

const probeTtlMs = 1000;

/** @throws what the driver throws if it does not answer */
export async function readNode(client: Redis, name: string): Promise<RedisNode> {
  const [info, driftSeconds, writeFailure] = await Promise.all([
    client.info().then(parseInfo, noInfo),
    readDrift(client),
    tryToWrite(client),
  ]);
  return { name, info, driftSeconds, writeFailure };
}

async function readDrift(client: Redis): Promise<number> {
  const sentAtMs = Date.now();
  const [seconds, microseconds] = await client.time();
  const ourMs = (sentAtMs + Date.now()) / 2;
  return Number(seconds) + Number(microseconds) / 1e6 - ourMs / 1000;
}

/** One small key that ends by itself: shows a full memory, a full disk and a replica that only reads, whatever INFO says. */
async function tryToWrite(client: Redis): Promise<string | undefined> {
  try {
    await client.set(`wafer:doctor:${randomBytes(8).toString('hex')}`, '1', 'PX', probeTtlMs);
    return undefined;
  } catch (error) {
    const { message } = error as Error;
    // A node of a cluster that does not hold this key's slot: it would have written.
    return message.startsWith('MOVED ') ? undefined : message;
  }
}

/** A user may lack this right and no other: then only what INFO says is not known. */
function noInfo(error: Error): Map<string, string> {
  if (!error.message.startsWith('NOPERM')) throw error;
  return new Map();
}

function parseInfo(text: string): Map<string, string> {
  const lines = text.split('\r\n').filter((line) => line.includes(':'));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}
