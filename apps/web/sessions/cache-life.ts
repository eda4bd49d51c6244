import { randomBytes } from 'node:crypto';
import { Cluster, type Redis } from 'ioredis';
import type { RedisClient } from '../../../shared/redis/connect.ts';
import { defineScript } from '../../../shared/redis/script.ts';

/**
 * Since when the cache's Redis has all that was written to it. A server that was killed comes back with a snapshot, and a replica that takes
 * over may lack the last writes: what lies there from before may be a session that has ended since.
 */
export interface CacheLife {
  /**
   * Entries that were cached later than this count, in seconds since 1970. Asked of Redis after each connection anew.
   * @throws when Redis does not answer
   */
  since(): number | Promise<number>;
}

/** Which server it was when somebody last asked, and since when it counts. A snapshot brings an old one, with the name of another server. */
const lifeKey = 'wafer:cache-life';

/**
 * Redis's own time, as entries are stamped to whole seconds. ARGV: the server as it is now; as this process knew it; how long it has been
 * running. Where nobody has noted a server, a process that knew no other takes it for the one that it has been since its start, to a second.
 */
const noteScript = `
local now = tonumber(redis.call('TIME')[1])
local noted = redis.call('GET', KEYS[1])
local server, since = string.match(noted or '', '^(%S+) (%d+)$')
if server == ARGV[1] and tonumber(since) <= now then return tonumber(since) end
if not noted and (ARGV[2] == '' or ARGV[2] == ARGV[1]) then now = now - tonumber(ARGV[3]) - 1 end
redis.call('SET', KEYS[1], string.format('%s %.0f', ARGV[1], now))
return now`;

interface Server {
  /** Another one after each start, and after a failover. Of a Cluster, of all masters together. */
  readonly name: string;
  readonly upSeconds: number;
}

export function watchCacheLife(client: RedisClient): CacheLife {
  const note = defineScript(client, 'waferNoteLife', noteScript);
  let server = '';
  let known: number | undefined;
  let asking: Promise<number> | undefined;
  /** Counts what may have brought another server. */
  let breaks = 0;

  const forget = () => {
    breaks++;
    known = asking = undefined;
  };
  client.on('close', forget);
  if (client instanceof Cluster) {
    const watch = (node: Redis) => node.on('close', forget);
    client.nodes('all').forEach(watch);
    client.on('+node', watch);
    client.on('-node', forget);
    client.on('refresh', forget);
  }

  const ask = async (): Promise<number> => {
    const present = breaks;
    try {
      const { name, upSeconds } = await readServer(client);
      const since = Number(await note([lifeKey], [name, server, upSeconds]));
      if (present !== breaks) return await ask();
      server = name;
      known = since;
      return since;
    } finally {
      if (present === breaks) asking = undefined;
    }
  };

  return { since: () => known ?? (asking ??= ask()) };
}

/** Where INFO is not allowed each connection may lead to another server. */
async function readServer(client: RedisClient): Promise<Server> {
  const nodes = client instanceof Cluster ? client.nodes('master') : [client];
  try {
    const servers = await Promise.all(nodes.map(async (node) => parseServer(await node.info('server'))));
    return {
      name: servers
        .map(({ name }) => name)
        .sort()
        .join(','),
      upSeconds: Math.min(...servers.map(({ upSeconds }) => upSeconds)),
    };
  } catch (error) {
    if ((error as Error).name !== 'ReplyError') throw error;
    return { name: randomBytes(9).toString('base64url'), upSeconds: 0 };
  }
}

function parseServer(info: string): Server {
  const fieldOf = (name: string) => new RegExp(`^${name}:(\\w+)`, 'm').exec(info)?.[1];
  return {
    name: fieldOf('run_id') ?? randomBytes(9).toString('base64url'),
    upSeconds: Number(fieldOf('uptime_in_seconds') ?? 0),
  };
}
