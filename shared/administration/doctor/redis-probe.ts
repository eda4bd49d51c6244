import type { Redis } from 'ioredis';
import type { RedisAddress } from '../../config/redis-url.ts';
import { connectRedis, whenReady } from '../../redis/connect.ts';

const probeTimeoutMs = 2000;

/**
 * Asks one server alone, past cluster and Sentinel; undefined if it does not answer in time or refuses.
 * @param node host:port
 * @param onFailure gets what the server or the driver said then
 */
export async function probe<Result>(
  node: string,
  { tls, username, password }: Pick<RedisAddress, 'tls' | 'username' | 'password'>,
  work: (client: Redis) => Promise<Result>,
  onFailure: (reason: string) => void = () => {},
): Promise<Result | undefined> {
  const separator = node.lastIndexOf(':');
  const address: RedisAddress = {
    kind: 'single',
    nodes: [{ host: node.slice(0, separator), port: Number(node.slice(separator + 1)) }],
    db: 0,
    ...(tls === undefined ? {} : { tls }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
  let reason = '';
  const onError = (error: Error) => {
    reason = error.message;
  };
  const client = connectRedis(address, 'commands', { commandTimeoutMs: probeTimeoutMs, onError }) as Redis;
  try {
    await whenReady(client, AbortSignal.timeout(probeTimeoutMs));
    return await work(client);
  } catch (error) {
    onFailure(client.status === 'ready' ? (error as Error).message : reason);
    return undefined;
  } finally {
    client.disconnect();
  }
}
