import { waitAtMost } from '../../async/patience.ts';
import { probeRedis } from '../../redis/probe.ts';
import { probeReading, probeWriting } from '../../store/probe.ts';
import type { NowStores } from './now.ts';

/** Whether a store does its part at present. */
export interface StoreState {
  /** `mysql_writes` is not looked at while `mysql` is away. */
  readonly name: 'redis' | 'redis_cache' | 'mysql' | 'mysql_writes';
  readonly isUp: boolean;
  /** How long it took to answer; null: it did not. */
  readonly ms: number | null;
}

/** One that takes longer is no help to anybody. */
export const patienceMs = 1500;

export async function lookAtStores({ commands, cacheRedis, sequelize }: NowStores): Promise<StoreState[]> {
  const look = async (name: StoreState['name'], probe: () => Promise<unknown>): Promise<StoreState> => {
    const startedAt = performance.now();
    let isUp = false;
    const probed = probe().then(
      () => void (isUp = true),
      () => undefined,
    );
    await waitAtMost(patienceMs, probed, () => undefined);
    return { name, isUp, ms: isUp ? Math.round((performance.now() - startedAt) * 10) / 10 : null };
  };
  const [redis, cache, mysql] = await Promise.all([
    look('redis', () => probeRedis(commands)),
    look('redis_cache', () => cacheRedis.ping()),
    look('mysql', () => probeReading(sequelize)),
  ]);
  const writes = mysql.isUp ? [await look('mysql_writes', () => probeWriting(sequelize))] : [];
  return [redis, cache, mysql, ...writes];
}
