import { isIP } from 'node:net';
import type { IncomingMessage } from 'node:http';
import type { ClientList } from '../config/client-list.ts';

/** What tells where a request comes from. */
export type Client = Pick<IncomingMessage, 'socket' | 'headers'>;

/**
 * The address that a request comes from: the socket's, or, if that is a trusted proxy, the last one in `X-Forwarded-For` that is not. What
 * stands to the left of it was written by a stranger.
 * @returns undefined if a proxy passed on what is no address
 */
export function clientAddressOf(client: Client, trustedProxies: ClientList): string | undefined {
  const peer = client.socket.remoteAddress ?? '';
  if (trustedProxies.isEmpty || !trustedProxies.has(peer)) return peer;
  // Several such headers are one list; Node joins them.
  const forwarded = client.headers['x-forwarded-for'];
  if (forwarded === undefined) return peer;
  const hops = String(forwarded).split(',').map(toAddress);
  const stranger = hops.findLastIndex((hop) => hop === undefined || !trustedProxies.has(hop));
  return stranger < 0 ? hops[0] : hops[stranger];
}

/** Some proxies add the port: 192.0.2.7:4711, [2001:db8::7]:4711. */
function toAddress(text: string): string | undefined {
  const hop = text.trim();
  const plain = /^\[(?<ipv6>[^\]]+)\](?::\d+)?$/.exec(hop)?.groups?.['ipv6'] ?? /^([\d.]+):\d+$/.exec(hop)?.[1] ?? hop;
  return isIP(plain) === 0 ? undefined : plain;
}
