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
  close(): void;
}

/** Which server it was when somebody last asked, and since when it counts. A snapshot brings an old one, with the name of another server. */
const lifeKey = 'wafer:cache-life';
/** A key that nobody uses is the first that a full cache evicts. */
const usualKeepMs = 10_000;

/**
 * Redis's own time, as entries are stamped to whole seconds. ARGV: the server as it is now; since when it counts as far as this process
 * knows, or ''; how long it has been running, or '' if that says nothing. What is noted and what is known can only be too early.
 */
const noteScript = `
local now = tonumber(redis.call('TIME')[1])
local noted = redis.call('TYPE', KEYS[1]).ok == 'string' and redis.call('GET', KEYS[1]) or nil
local server, since = string.match(noted or '', '^(%S+) (%d+)$')
local known, up = tonumber(ARGV[2]), tonumber(ARGV[3])
if server == ARGV[1] then since = math.max(tonumber(since), known or 0)
elseif noted then since = now
else since = known or (up and now - up - 1) or now end
since = math.min(since, now)
local value = string.format('%s %.0f', ARGV[1], since)
if value ~= noted then redis.call('SET', KEYS[1], value) end
return since`;

interface Server {
  /** Another one after each start, and after a failover. Of a Cluster, of all masters together. */
  readonly name: string;
  /** undefined if it may have taken over from another server: then it may lack what that one had. */
  readonly upSeconds: number | undefined;
}

/** A connection that was lost may lead to another server, and be noticed late: what was known of `server` is kept for when it is the same. */
export function watchCacheLife(client: RedisClient, keepMs = usualKeepMs): CacheLife {
  const note = defineScript(client, 'waferNoteLife', noteScript);
  let last: { readonly server: string; readonly since: number } | undefined;
  /** That the present connections lead to the last one. */
  let isPresent = false;
  let asking: Promise<number> | undefined;
  /** Counts what may have brought another server. */
  let breaks = 0;

  const forget = () => {
    breaks++;
    isPresent = false;
    asking = undefined;
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
      const knownSince = last?.server === name ? last.since : '';
      const since = Number(await note([lifeKey], [name, knownSince, upSeconds ?? '']));
      if (present !== breaks) return await ask();
      last = { server: name, since };
      isPresent = true;
      return since;
    } finally {
      if (present === breaks) asking = undefined;
    }
  };
  const since = () => (isPresent && last !== undefined ? last.since : (asking ??= ask()));

  const keep = async (): Promise<void> => {
    if (client.status !== 'ready') return;
    if (isPresent && last !== undefined) await client.set(lifeKey, `${last.server} ${last.since}`, 'NX');
    else await since();
  };
  const keepSoon = () => void keep().catch(() => undefined);
  client.on('ready', keepSoon);
  const timer = setInterval(keepSoon, keepMs);
  timer.unref();

  return {
    since,
    close() {
      clearInterval(timer);
      client.off('ready', keepSoon);
    },
  };
}

/** Where INFO is not allowed each connection may lead to another server. */
async function readServer(client: RedisClient): Promise<Server> {
  const nodes = client instanceof Cluster ? client.nodes('master') : [client];
  try {
    const servers = await Promise.all(
      nodes.map(async (node) =>
        parseServer((await Promise.all([node.info('server'), node.info('replication')])).join('')),
      ),
    );
    const upSeconds = servers.map((server) => server.upSeconds).filter((seconds) => seconds !== undefined);
    return {
      name: servers
        .map(({ name }) => name)
        .sort()
        .join(','),
      upSeconds: upSeconds.length === servers.length ? Math.min(...upSeconds) : undefined,
    };
  } catch (error) {
    if ((error as Error).name !== 'ReplyError') throw error;
    return { name: randomBytes(9).toString('base64url'), upSeconds: undefined };
  }
}

function parseServer(info: string): Server {
  const fieldOf = (name: string) => new RegExp(`^${name}:(\\w+)`, 'm').exec(info)?.[1];
  // A replica that takes over goes on counting where its master was, and that of one that has been alone since its start is at 0.
  const isItself =
    fieldOf('role') === 'master' &&
    fieldOf('master_repl_offset') === '0' &&
    /^0+$/.test(fieldOf('master_replid2') ?? '');
  const upSeconds = isItself ? fieldOf('uptime_in_seconds') : undefined;
  return {
    name: fieldOf('run_id') ?? randomBytes(9).toString('base64url'),
    upSeconds: upSeconds === undefined ? undefined : Number(upSeconds),
  };
}
