import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { RedisClient } from './connect.ts';
import type { RedisClock } from './clock.ts';
import { noteHeardOf } from './heard-of.ts';

/** Which processes are alive: each says so every few seconds in a sorted set, by Redis's clock. */
export interface Presence {
  /** Says now, and from now on, that this process is alive. */
  announce(): Promise<void>;
  /** Stops announcing and takes the name off the list. */
  leave(): Promise<void>;
}

export type InstanceRole = 'web' | 'worker';

/** Consoles have a list of their own: who wants all processes of the system to obey waits for none of them. */
const keys = { system: 'wafer:presence', console: 'wafer:console:presence' } as const;
type PresenceList = keyof typeof keys;
/** When this Redis got its first data, by its clock: younger than the processes that use it, it has lost them in between. */
const sinceKey = 'wafer:presence:since';
const beatIntervalMs = 5000;
/** Two missed beats and a bit. */
export const aliveMs = 12_000;
/** For so long a process that ended without a farewell is remembered. */
const rememberedMs = 3_600_000;
/** A front end that does not hear of changes forgets all sessions by itself after this. */
export const forgetsAloneAfterMs = 60_000;
/** So long after a front end was last heard of it may still answer sessions from its memory: cut off since, it looks now and then. */
const mayAnswerMs = forgetsAloneAfterMs + 20_000;

export const machineName = hostname().replace(/[^A-Za-z0-9.]/g, '.');

/** A name for this process that no other has: `web-host-pid-random`. */
export function createInstanceName(role: InstanceRole | 'console'): string {
  return `${role}-${machineName}-${process.pid}-${randomBytes(4).toString('hex')}`;
}

/** Who can write to Redis can write anything there; only what can be a process is one. */
const shapes: Readonly<Record<PresenceList, RegExp>> = {
  system: /^(?:web|worker)-[A-Za-z0-9.]+-\d+-[0-9a-f]{8}$/,
  console: /^console-[A-Za-z0-9.]+-\d+-[0-9a-f]{8}$/,
};

export function createPresence(
  client: RedisClient,
  clock: RedisClock,
  instance: string,
  list: PresenceList = 'system',
): Presence {
  let timer: NodeJS.Timeout | undefined;
  return {
    async announce() {
      const beat = async () => {
        const nowMs = Math.floor(clock.nowMs());
        await noteHeardOf(client, keys[list], instance, { nowMs, keptMs: rememberedMs });
        await noteDataSince(client, clock);
      };
      timer = setInterval(() => void beat().catch(() => undefined), beatIntervalMs);
      timer.unref();
      await beat().catch(() => undefined);
    },
    async leave() {
      clearInterval(timer);
      await client.zrem(keys[list], instance).catch(() => undefined);
    },
  };
}

/** Names of the processes that are alive. @throws when Redis does not answer */
export async function listInstances(client: RedisClient, clock: RedisClock, role?: InstanceRole): Promise<string[]> {
  const names = await client.zrangebyscore(keys.system, Math.floor(clock.nowMs() - aliveMs), '+inf');
  return names.filter((name) => shapes.system.test(name) && (role === undefined || name.startsWith(`${role}-`)));
}

/** Names of the processes that are alive, and of front ends that may be: cut off from Redis, they answer what they remember. */
export async function listAllThatMayAnswer(client: RedisClient, clock: RedisClock): Promise<string[]> {
  const heard = await listLastHeard(client, clock);
  const isMeant = ({ instance, silentMs }: LastHeard) =>
    silentMs <= (instance.startsWith('web-') ? mayAnswerMs : aliveMs);
  return heard.filter(isMeant).map(({ instance }) => instance);
}

export interface LastHeard {
  readonly instance: string;
  /** Milliseconds since it last said that it is alive. */
  readonly silentMs: number;
}

/** The processes that were alive in the last hour and did not say farewell. @throws when Redis does not answer */
export async function listLastHeard(
  client: RedisClient,
  clock: RedisClock,
  list: PresenceList = 'system',
): Promise<LastHeard[]> {
  const nowMs = clock.nowMs();
  const texts = await client.zrangebyscore(keys[list], Math.floor(nowMs - rememberedMs), '+inf', 'WITHSCORES');
  return texts.flatMap((instance, index) =>
    index % 2 === 0 && shapes[list].test(instance)
      ? [{ instance, silentMs: Math.max(0, nowMs - Number(texts[index + 1])) }]
      : [],
  );
}

/**
 * When this Redis got its first data, in milliseconds by its clock; from now on if it has none. A process for which this changes knows
 * that what it gave to Redis before is gone. @throws when Redis does not answer
 */
export async function noteDataSince(client: RedisClient, clock: RedisClock): Promise<number> {
  const known = await readDataSince(client);
  if (known !== undefined) return known;
  const now = Math.floor(clock.nowMs());
  await client.set(sinceKey, now, 'NX');
  return (await readDataSince(client)) ?? now;
}

/** Milliseconds since this Redis got its first data; undefined if it has none. @throws when Redis does not answer */
export async function readDataAgeMs(client: RedisClient, clock: RedisClock): Promise<number | undefined> {
  const since = await readDataSince(client);
  return since === undefined ? undefined : clock.nowMs() - since;
}

async function readDataSince(client: RedisClient): Promise<number | undefined> {
  const since = await client.get(sinceKey);
  if (since === null) return undefined;
  if (/^\d{1,15}$/.test(since)) return Number(since);
  // Nobody of ours wrote this; it would count as another time at every look.
  await client.del(sinceKey);
  return undefined;
}
