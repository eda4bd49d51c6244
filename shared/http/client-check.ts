import type { Socket } from 'node:net';
import type { ClientList } from '../config/client-list.ts';
import { clientAddressOf, type Client } from './client-address.ts';

/** Whether the client that a request comes from is on a list. */
export type ClientCheck = (client: Client) => boolean;

/** @param allowed empty: everybody */
export function createClientCheck(allowed: ClientList, trustedProxies: ClientList): ClientCheck {
  if (allowed.isEmpty) return () => true;
  const isAllowed = (client: Client) => {
    const address = clientAddressOf(client, trustedProxies);
    return address !== undefined && allowed.has(address);
  };
  // Without proxies a connection has one client, who is looked up once.
  const known = new WeakMap<Socket, boolean>();
  return (client) => {
    if (!trustedProxies.isEmpty) return isAllowed(client);
    let answer = known.get(client.socket);
    if (answer === undefined) known.set(client.socket, (answer = isAllowed(client)));
    return answer;
  };
}
