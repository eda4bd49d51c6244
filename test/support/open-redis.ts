import { Cluster, Redis, type ClusterNode, type RedisOptions } from 'ioredis';

type ClientOptions = Pick<RedisOptions, 'maxRetriesPerRequest' | 'password'>;

/** Tests stop their servers while clients are connected: without a listener ioredis prints a stack trace for each attempt to come back. */
function quiet<Client extends Redis | Cluster>(client: Client): Client {
  client.on('error', () => undefined);
  return client;
}

/** As `new Redis(…)`, without noise. Commands fail as ever. */
export function openRedis(url: string | undefined, options?: ClientOptions): Redis {
  if (url === undefined) throw new Error('there is no Redis to connect to');
  return quiet(options === undefined ? new Redis(url) : new Redis(url, options));
}

export function openCluster(nodes: ClusterNode[]): Cluster {
  return quiet(new Cluster(nodes));
}
