import { readStoreTls, type StoreTls } from './store-tls.ts';
import { parseUrlParameters } from './url-parameters.ts';
import { decodePart, encodingHint, refuseUnencoded } from './url-characters.ts';

interface RedisNode {
  readonly host: string;
  readonly port: number;
}

/** Where a Redis role lives. `cluster` and `sentinel` list the nodes to ask first. */
export interface RedisAddress {
  readonly kind: 'single' | 'cluster' | 'sentinel';
  readonly nodes: readonly [RedisNode, ...RedisNode[]];
  /** undefined: in plain text */
  readonly tls?: StoreTls;
  readonly username?: string;
  readonly password?: string;
  /** Database number; single servers and Sentinel only. */
  readonly db: number;
  /** Name of the master; Sentinel only. */
  readonly masterName?: string;
  /** Of the Sentinels themselves; Sentinel only. */
  readonly sentinelUsername?: string;
  readonly sentinelPassword?: string;
}

const schemes: Readonly<Record<string, { kind: RedisAddress['kind']; isTls: boolean }>> = {
  redis: { kind: 'single', isTls: false },
  rediss: { kind: 'single', isTls: true },
  'redis+cluster': { kind: 'cluster', isTls: false },
  'rediss+cluster': { kind: 'cluster', isTls: true },
  'redis+sentinel': { kind: 'sentinel', isTls: false },
  'rediss+sentinel': { kind: 'sentinel', isTls: true },
};

const shape =
  /^(?<scheme>[a-z+]+):\/\/(?:(?<username>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<hosts>[^/@?#]+)(?:\/(?<path>[^?#]*))?(?:\?(?<query>[^#]*))?$/;

/**
 * Parses the Redis URL forms of the configuration: `redis://`, `rediss://`, `redis+cluster://host:port,host:port`,
 * `redis+sentinel://host:port,host:port/name` (each with `rediss` for TLS). `URL` can't: it refuses a list of hosts.
 * Behind `?` come `ca`, `cert` and `key`, files for TLS, and `sentinelUsername` and `sentinelPassword`.
 * @throws {TypeError} with what is wrong, never with a part of it.
 */
export function parseRedisUrl(url: string): RedisAddress {
  refuseUnencoded(url);
  const groups = shape.exec(url)?.groups;
  const scheme = schemes[groups?.['scheme'] ?? ''];
  if (groups === undefined || scheme === undefined) {
    throw new TypeError(
      `must look like redis://host:port, redis+cluster://host:port,… or redis+sentinel://host:port,…/name; ${encodingHint}`,
    );
  }
  const nodes = (groups['hosts'] as string).split(',').map((text) => parseNode(text, scheme.kind));
  const path = decodePart(groups['path'] ?? '');
  const credentials = {
    ...(groups['username'] ? { username: decodePart(groups['username']) } : {}),
    ...(groups['password'] ? { password: decodePart(groups['password']) } : {}),
  };
  const { ca, cert, key, ...sentinel } = parseParameters(groups['query'], scheme);
  const tls = { ...(ca && { caFile: ca }), ...(cert && { certFile: cert }), ...(key && { keyFile: key }) };
  readStoreTls(tls);
  const address = {
    kind: scheme.kind,
    ...(scheme.isTls ? { tls } : {}),
    ...credentials,
    ...sentinel,
    nodes: nodes as [RedisNode, ...RedisNode[]],
  };
  if (scheme.kind === 'sentinel') {
    if (path === '')
      throw new TypeError('needs the name of the master after the hosts: redis+sentinel://host:port,…/name');
    return { ...address, db: 0, masterName: path };
  }
  if (scheme.kind === 'single' && nodes.length > 1)
    throw new TypeError('names several hosts: use redis+cluster:// or redis+sentinel://');
  if (path !== '' && !/^\d{1,4}$/.test(path))
    throw new TypeError(`must end in a database number, if in anything; ${encodingHint}`);
  if (scheme.kind === 'cluster' && Number(path) > 0)
    throw new TypeError('names a database number, which a cluster does not have');
  return { ...address, db: Number(path) };
}

const tlsParameters = ['ca', 'cert', 'key'] as const;
const sentinelParameters = ['sentinelUsername', 'sentinelPassword'] as const;

function parseParameters(query: string | undefined, { kind, isTls }: (typeof schemes)[string]) {
  const given = parseUrlParameters(query, [...tlsParameters, ...sentinelParameters]);
  const misplaced = (names: readonly (keyof typeof given)[], scheme: string) => {
    const name = names.find((each) => given[each] !== undefined);
    if (name !== undefined) throw new TypeError(`has the parameter ${name}, which only ${scheme} understands`);
  };
  if (!isTls) misplaced(tlsParameters, 'rediss://');
  if (kind !== 'sentinel') misplaced(sentinelParameters, 'redis+sentinel://');
  if ((given.cert === undefined) !== (given.key === undefined)) throw new TypeError('needs cert and key together');
  if (given.sentinelUsername !== undefined && given.sentinelPassword === undefined)
    throw new TypeError('has sentinelUsername without sentinelPassword');
  return given;
}

function parseNode(text: string, kind: RedisAddress['kind']): RedisNode {
  const match = /^(?<host>\[[0-9a-f:]+\]|[^:[\]]+)(?::(?<port>\d{1,5}))?$/i.exec(text);
  const port = Number(match?.groups?.['port'] ?? (kind === 'sentinel' ? 26379 : 6379));
  if (!match?.groups || port < 1 || port > 65535)
    throw new TypeError(`has a host that is not host:port; ${encodingHint}`);
  return { host: (match.groups['host'] as string).replace(/^\[|\]$/g, ''), port };
}
