import type { OnClose } from '../../support/closing.ts';
import { alwaysHolds, must, mustWithin, recoversWithin, type Fault } from '../support/fault.ts';
import type { Load } from '../support/load.ts';
import { startMysqlPair } from '../support/mysql-pair.ts';
import { startRedisPair, type MovingAddress } from '../support/redis-pair.ts';
import { startSite, type Site } from '../support/site.ts';

const limitMs = 10_000;
const giveUpMs = 40_000;
const wellMs = 1200;
const most = 3;

/** Another server takes over behind one address, several times, and the old one goes on answering, as a replica. */
function moved(
  name: string,
  title: string,
  start: (onClose: OnClose) => Promise<{ site: Site; address: MovingAddress }>,
): Fault {
  return {
    name,
    title,
    holds: 'no valid session is refused, and log-ins work again without a restart',
    async run({ onClose, underLoad, lengths }) {
      const { site, address } = await start(onClose);
      const times = Math.min(lengths.kills, most);
      const back: number[] = [];
      const seen = await underLoad(site, async (load) => {
        for (let time = 0; time < times; time++) {
          await address.move();
          const movedAt = performance.now();
          await untilWell(load, giveUpMs);
          if (load.tallier.isWellFor(wellMs)) back.push(performance.now() - movedAt - wellMs);
        }
      });
      return {
        ...seen,
        checks: [
          ...alwaysHolds(seen),
          must(`log-ins work again after each of ${times} failovers`, back.length === times, back.length),
          mustWithin('the slowest time until they do', limitMs, Math.max(...back)),
          ...recoversWithin(limitMs, seen),
        ],
      };
    },
  };
}

async function untilWell(load: Load, limitMs: number): Promise<void> {
  const giveUpAt = performance.now() + limitMs;
  // What was asked before the failover says nothing.
  await load.last(wellMs);
  while (!load.tallier.isWellFor(wellMs) && performance.now() < giveUpAt) await load.last(wellMs / 6);
}

export const redisMoved = moved('redis-moved', 'another Redis behind the same address', async (onClose) => {
  const address = await startRedisPair(onClose);
  return { address, site: await startSite({ onClose, env: { REDIS_URL: address.url } }) };
});

export const mysqlMoved = moved('mysql-moved', 'another MySQL behind the same address', async (onClose) => {
  const address = await startMysqlPair(onClose);
  const site = await startSite({ onClose, env: { DATABASE_URL: address.url } });
  return { address, site: { ...site, mysql: { ...site.mysql, query: address.query } } };
});
