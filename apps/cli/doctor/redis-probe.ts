import type { Redis } from 'ioredis';
import type { RedisAddress } from '../../../shared/config/redis-url.ts';
import { connectRedis, whenReady } from '../../../shared/redis/connect.ts';

const probeTimeoutMs = 2000;

/**
 * Asks one server alone, past cluster and Sentinel; undefined if it does not answer in time or refuses.
 * @param node host:port
 */
export async function probe<Result>(
  node: string,
  { tls, username, password }: Partial<Pick<RedisAddress, 'tls' | 'username' | 'password'>>,
  work: (client: Redis) => Promise<Result>,
): Promise<Result | undefined> {
  const separator = node.lastIndexOf(':');
  const address: RedisAddress = {
    kind: 'single',
    nodes: [{ host: node.slice(0, separator), port: Number(node.slice(separator + 1)) }],
    tls: tls ?? false,
    db: 0,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
  const client = connectRedis(address, 'commands', { commandTimeoutMs: probeTimeoutMs }) as Redis;
  try {
    await whenReady(client, AbortSignal.timeout(probeTimeoutMs));
    return await work(client);
  } catch {
    return undefined;
  } finally {
    client.disconnect();
  }
}
