import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { ClientList } from '../../../shared/config/client-list.ts';
import { clientAddressOf } from './client-address.ts';

/** Whether the client that a request comes from is on a list. */
export type ClientCheck = (request: IncomingMessage) => boolean;

/** @param allowed empty: everybody */
export function createClientCheck(allowed: ClientList, trustedProxies: ClientList): ClientCheck {
  if (allowed.isEmpty) return () => true;
  const isAllowed = (request: IncomingMessage) => {
    const address = clientAddressOf(request, trustedProxies);
    return address !== undefined && allowed.has(address);
  };
  // Without proxies a connection has one client, who is looked up once.
  const known = new WeakMap<Socket, boolean>();
  return (request) => {
    if (!trustedProxies.isEmpty) return isAllowed(request);
    let answer = known.get(request.socket);
    if (answer === undefined) known.set(request.socket, (answer = isAllowed(request)));
    return answer;
  };
}
