import type { RedisAddress } from '../../config/redis-url.ts';
import { nameNodes } from '../../redis/failure.ts';
import { fault, ok, type Finding } from './finding.ts';
import { redisCli } from './redis-fault.ts';
import { probe } from './redis-probe.ts';

/** One line of CLUSTER NODES. */
interface Member {
  readonly id: string;
  /** host:port */
  readonly node: string;
  readonly flags: readonly string[];
  /** Of a replica. */
  readonly masterId: string;
  readonly hasSlots: boolean;
}

/** Whether every slot has a master that answers. Asks the nodes one by one: a cluster that is down lets nobody in. */
export async function checkCluster(group: string, address: RedisAddress): Promise<Finding[]> {
  const check = `${group}.cluster`;
  const seeds = address.nodes.map(({ host, port }) => `${host}:${port}`);
  const views = await Promise.all(
    seeds.map((seed) => probe(seed, address, async (client) => parseMembers(String(await client.cluster('NODES'))))),
  );
  const members = views.find((view) => view !== undefined);
  // Then nobody answers, which is said already.
  if (members === undefined) return [];
  const masters = members.filter(({ flags, hasSlots }) => flags.includes('master') && hasSlots);
  const alive = await Promise.all(masters.map(({ node }) => probe(node, address, (client) => client.ping())));
  const down = masters.filter((_, index) => alive[index] === undefined);
  if (down.length === 0) return [ok(check, `${masters.length} masters answer`)];
  const hasReplica = ({ id }: Member) =>
    members.some(({ masterId, flags }) => masterId === id && !flags.includes('fail'));
  const start = `start it again, or hand its slots over: ${redisCli(seeds[views.indexOf(members)] ?? nameNodes(address))} cluster nodes`;
  return down.map((member) =>
    hasReplica(member)
      ? fault(
          check,
          `the master ${member.node} does not answer; it has a replica`,
          `The replica takes over within seconds; if this stays, ${start}`,
          'redis_master_down',
        )
      : fault(
          check,
          `the master ${member.node} does not answer and has no replica: its slots are not served`,
          `Now ${start}. Then give every master a replica.`,
          'redis_master_down',
        ),
  );
}

function parseMembers(text: string): Member[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [id = '', place = '', flags = '', masterId = '', , , , ...slots] = line.split(' ');
      return {
        id,
        node: place.replace(/@.*$/, ''),
        flags: flags.split(','),
        masterId,
        // 7: the state of the link comes before them.
        hasSlots: slots.slice(1).length > 0,
      };
    });
}
