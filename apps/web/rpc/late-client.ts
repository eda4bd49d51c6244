import { setTimeout as sleep } from 'node:timers/promises';
import { RpcError, type RpcClient } from './client.ts';

/** An RPC client that can be asked before it is open. */
export interface LateRpcClient extends RpcClient {
  isOpen(): boolean;
  /** From now on calls go to this one, those that wait for it first. It is closed with this client. */
  open(client: RpcClient): void;
}

/**
 * Requests come as soon as a front end listens: from pm2, which does not wait for readiness, or from clients that were
 * waiting.
 * @param patienceMs for so long a call waits to be sent; then it fails with `store_unavailable`
 */
export function createLateRpcClient(patienceMs: number): LateRpcClient {
  let client: RpcClient | undefined;
  let onOpen = () => {};
  const opened = new Promise<void>((resolve) => (onOpen = resolve));
  return {
    async call(name, request, options) {
      if (client === undefined) await Promise.race([opened, sleep(patienceMs, undefined, { ref: false })]);
      if (client === undefined) throw new RpcError('store_unavailable');
      return client.call(name, request, options);
    },
    waiting: () => client?.waiting() ?? 0,
    isOpen: () => client !== undefined,
    open(given) {
      client = given;
      onOpen();
    },
    async close() {
      await client?.close();
    },
  };
}
