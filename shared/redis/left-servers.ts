import type { Redis } from 'ioredis';
import type { RedisAddress } from '../config/redis-url.ts';

/**
 * How a server says that it is not the one any more that takes writes: it has become a replica, has lost its master, is loading another's
 * data, or its replicas or its disk. An old one says so in the middle, where a script ran into it.
 */
const wrongServer = /(^|[\s-])(READONLY|MASTERDOWN|LOADING|NOREPLICAS|MISCONF|UNBLOCKED) /;

/** A server that stays like this is not left over and over: those who read from it are served meanwhile. */
const pauseMs = 3000;
/** Who only reads never hears that its server takes no writes. */
const lookIntervalMs = 2500;

/**
 * The connections of this process to one address. Behind an address (a virtual IP, a managed Redis) another server may take over while the
 * old one keeps those that stand: when one of them hears of it, all leave.
 */
export interface Address {
  /** Until it ends. @param isAsking whether this one can be asked to write, now and then */
  add(client: Redis, isAsking: boolean): void;
  /** An error reply. All connections are made anew if it says that this is not the server any more. */
  hear(error: Error): void;
}

const addresses = new Map<string, Address>();

export function addressOf(address: RedisAddress): Address {
  const key = JSON.stringify(address);
  let known = addresses.get(key);
  if (known === undefined) addresses.set(key, (known = createAddress(() => addresses.delete(key))));
  return known;
}

function createAddress(onEmpty: () => void): Address {
  const clients = new Map<Redis, boolean>();
  let leftAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  const look = () => {
    for (const [client, isAsking] of clients) {
      if (!isAsking || client.status !== 'ready') continue;
      void client.set('wafer:beat', '1', 'PX', 4 * lookIntervalMs).catch(() => undefined);
      return;
    }
  };
  return {
    add(client, isAsking) {
      if (clients.size === 0) timer = setInterval(look, lookIntervalMs).unref();
      clients.set(client, isAsking);
      client.once('end', () => {
        clients.delete(client);
        if (clients.size > 0) return;
        clearInterval(timer);
        onEmpty();
      });
    },
    hear(error) {
      if (!wrongServer.test(error.message) || performance.now() - leftAt < pauseMs) return;
      leftAt = performance.now();
      for (const client of clients.keys()) if (client.status === 'ready') client.disconnect(true);
    },
  };
}
