import { parseClientList } from './client-list.ts';
import type { Config } from './config.ts';

const loopback = parseClientList('127.0.0.0/8,::1');

/**
 * Whether everybody who reaches the machine may call: web listens on more than loopback, and neither addresses nor keys
 * are asked for.
 */
export function isOpenToNetwork({ http, access }: Pick<Config, 'http' | 'access'>): boolean {
  const isLoopback = http.host === 'localhost' || loopback.has(http.host);
  return !isLoopback && access.allowed.isEmpty && !access.requiresKey;
}
