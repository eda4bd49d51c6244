import type { RedisAddress } from '../../config/redis-url.ts';
import { fault, ok, warning, type Finding } from './finding.ts';
import { redisCli } from './redis-fault.ts';
import { probe } from './redis-probe.ts';

/** What one Sentinel says of the master; undefined: it knows none of this name. */
interface View {
  readonly master: ReadonlyMap<string, string> | undefined;
}

/** Whether the Sentinels answer, know the master, and see it alive. */
export async function checkSentinels(group: string, address: RedisAddress, variable: string): Promise<Finding[]> {
  const check = `${group}.sentinel`;
  const sentinels = address.nodes.map(({ host, port }) => `${host}:${port}`);
  const name = address.masterName ?? '';
  const { tls, sentinelUsername: username, sentinelPassword: password } = address;
  const way = {
    ...(tls === undefined ? {} : { tls }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
  const reasons = new Map<string, string>();
  const views = await Promise.all(
    sentinels.map((sentinel) =>
      probe(
        sentinel,
        way,
        (client) => askForMaster(client, name),
        (reason) => reasons.set(sentinel, reason),
      ),
    ),
  );
  const refusing = sentinels.filter((sentinel) => isRefusal(reasons.get(sentinel) ?? ''));
  if (refusing.length > 0) return [describeRefusal(check, refusing, address, variable)];
  const silent = sentinels.filter((_, index) => views[index] === undefined);
  const start = `Start ${silent.join(', ')}, or correct ${variable}.`;
  if (silent.length === sentinels.length)
    return [fault(check, `no Sentinel answers: ${sentinels.join(', ')}`, start, 'redis_sentinels_down')];
  const someSilent =
    silent.length === 0
      ? []
      : [warning(check, `${silent.join(', ')} does not answer`, start, 'redis_some_sentinels_down')];
  const asked = sentinels.find((_, index) => views[index] !== undefined) ?? '';
  const master = views.find((view) => view?.master !== undefined)?.master;
  if (master === undefined) {
    return [
      ...someSilent,
      fault(
        check,
        `the Sentinels know no master "${name}"`,
        `Correct the name in ${variable}. Try: ${redisCli(asked)} sentinel masters`,
        'redis_master_unknown',
      ),
    ];
  }
  const place = `${master.get('ip')}:${master.get('port')}`;
  const isSeenDown = /s_down|o_down/.test(master.get('flags') ?? '');
  const answers = (await probe(place, address, (client) => client.ping())) !== undefined;
  if (!isSeenDown && answers)
    return [...someSilent, ok(check, `${sentinels.length - silent.length} Sentinels see the master ${place}`)];
  const replicas = Number(master.get('num-slaves') ?? 0);
  const takesOver =
    replicas > 0
      ? 'A replica takes over when enough Sentinels agree; if this stays'
      : 'It has no replica that could take over';
  return [
    ...someSilent,
    fault(
      check,
      `the master ${place} ${answers ? 'is seen down by the Sentinels' : 'does not answer'}`,
      `${takesOver}: start it again. Look: ${redisCli(asked)} sentinel ckquorum ${name}`,
      'redis_master_down',
    ),
  ];
}

const isRefusal = (reason: string) => /NOAUTH|WRONGPASS|NOPERM|invalid (username-)?password/i.test(reason);

function describeRefusal(
  check: string,
  refusing: readonly string[],
  { sentinelPassword }: RedisAddress,
  variable: string,
): Finding {
  const place = refusing.join(', ');
  const [first = ''] = refusing;
  return sentinelPassword === undefined
    ? fault(
        check,
        `${place} is a Sentinel that wants a password of its own, and ${variable} gives none`,
        `Add ?sentinelPassword=… (percent-encoded) to ${variable}, and sentinelUsername if it has users. Try: ${redisCli(first)} --askpass ping`,
        'redis_sentinel_password',
      )
    : fault(
        check,
        `${place} is a Sentinel that refuses sentinelPassword`,
        `Correct sentinelPassword (and sentinelUsername) in ${variable}. Try: ${redisCli(first)} --askpass ping`,
        'redis_sentinel_password',
      );
}

async function askForMaster(
  client: { call(...args: [string, ...string[]]): Promise<unknown> },
  name: string,
): Promise<View> {
  try {
    const answer = (await client.call('SENTINEL', 'MASTER', name)) as string[] | Record<string, string>;
    return { master: Array.isArray(answer) ? toPairs(answer) : new Map(Object.entries(answer)) };
  } catch (error) {
    if (/No such master/i.test((error as Error).message)) return { master: undefined };
    throw error;
  }
}

function toPairs(list: readonly string[]): Map<string, string> {
  return new Map(list.flatMap((name, index) => (index % 2 === 0 ? [[name, list[index + 1] ?? ''] as const] : [])));
}
