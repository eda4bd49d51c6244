import { Redis } from 'ioredis';
import type { OnClose } from '../../support/closing.ts';
import { startTestRedis } from '../../support/redis-server.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { until } from '../../support/until.ts';

/** One address behind which another server takes over, while the old one keeps the connections that stand. */
export interface MovingAddress {
  readonly url: string;
  /** The replica becomes the master, the master its replica, and new connections go to the new master. */
  move(): Promise<void>;
}

export async function startRedisPair(onClose: OnClose): Promise<MovingAddress> {
  const start = async (args: string[] = []) => {
    const { port } = await startTestRedis({ onClose, args });
    const client = new Redis(port, '127.0.0.1');
    client.on('error', () => undefined);
    onClose(async () => client.disconnect());
    return { port, client };
  };
  let master = await start();
  let replica = await start(['--replicaof', '127.0.0.1', String(master.port)]);
  const isInStep = async () => (await replica.client.info('replication')).includes('master_link_status:up');
  await until('the replica is in step', isInStep, 20_000);
  const proxy = await startTcpProxy({ port: master.port, onClose });
  return {
    url: `redis://127.0.0.1:${proxy.port}`,
    async move() {
      await until('the replica is in step', isInStep, 20_000);
      await replica.client.replicaof('NO', 'ONE');
      await master.client.replicaof('127.0.0.1', replica.port);
      [master, replica] = [replica, master];
      proxy.lead(master.port);
    },
  };
}
