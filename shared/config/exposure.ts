import { parseClientList } from './client-list.ts';
import type { Config } from './config.ts';

const loopback = parseClientList('127.0.0.0/8,::1');

/**
 * Whether everybody who reaches the machine may call: web listens on more than loopback, and neither addresses nor keys
 * are asked for.
 */
export function isOpenToNetwork({ http, access }: Pick<Config, 'http' | 'access'>): boolean {
  return !isLoopbackHost(http.host) && access.allowed.isEmpty && !access.requiresKey;
}

/** Whether what listens there is reached from this machine alone. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || loopback.has(host);
}
