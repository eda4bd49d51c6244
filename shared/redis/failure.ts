import type { RedisAddress } from '../config/redis-url.ts';

/** Why a Redis can't be used, as far as the server or the driver says so. */
export type RedisFailure =
  | 'down'
  | 'no_password'
  | 'password'
  | 'rights'
  | 'max_clients'
  | 'host'
  | 'tls'
  | 'silent'
  | 'loading'
  | 'read_only'
  | 'full'
  | 'disk'
  | 'other';

const patterns: readonly (readonly [RedisFailure, RegExp])[] = [
  ['down', /ECONNREFUSED/],
  ['no_password', /NOAUTH/],
  ['password', /WRONGPASS|invalid (username-)?password|without any password/i],
  ['rights', /NOPERM/],
  // It says so and closes at once, so that mostly only the second is seen.
  ['max_clients', /max number of clients|EPIPE|ECONNRESET/],
  ['host', /ENOTFOUND|EAI_AGAIN/],
  ['loading', /LOADING/],
  ['read_only', /READONLY/],
  ['full', /OOM /],
  ['disk', /MISCONF/],
  ['silent', /nothing (received )?within|no connection within|ETIMEDOUT|timed? ?out|EHOSTUNREACH|ENETUNREACH/i],
  ['tls', /CERT|SSL|TLS|certificate|altnames|EPROTO/i],
];

const words: Readonly<Record<RedisFailure, string>> = {
  down: 'nothing listens there',
  no_password: 'it wants a password, and none is given',
  password: 'it refuses the user or the password',
  rights: 'the user lacks a right (ACL)',
  max_clients: 'it closes the connection at once: it has as many clients as it takes (maxclients)',
  host: 'the name has no address',
  tls: 'TLS fails',
  silent: 'it does not answer',
  loading: 'it is loading its data',
  read_only: 'it is a replica that only reads',
  full: 'its memory is full',
  disk: 'it can not write to its disk',
  other: 'it does not do what it is asked to',
};

export function classifyRedisFailure(reason: string): RedisFailure {
  return patterns.find(([, pattern]) => pattern.test(reason))?.[0] ?? 'other';
}

export function describeRedisReason(reason: string): string {
  return words[classifyRedisFailure(reason)];
}

/** host:port of all nodes, without credentials. */
export function nameNodes(address: RedisAddress): string {
  return address.nodes.map(({ host, port }) => `${host}:${port}`).join(', ');
}
