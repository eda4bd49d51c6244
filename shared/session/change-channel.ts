import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { Cluster } from 'ioredis';
import { channelOf } from '../redis/channel.ts';
import type { RedisClient } from '../redis/connect.ts';
import { plainIdOf } from './cache-key.ts';

/**
 * Where every change of a cached session is announced, by the script that changes the cache, before the row changes: the id, as
 * {@link nameInChange} spells it. For front ends whose Redis does not tell by itself.
 */
export const changeChannel = 'wafer:changed';
/** Where Redis names the keys that have changed, to those who have read them: https://redis.io/docs/latest/reference/client-side-caching */
const invalidationChannel = '__redis__:invalidate';

/** Old ids may hold anything, blanks too. */
export function nameInChange(id: string): string {
  return encodeURIComponent(id);
}

/** Hears of changed sessions, and knows whether it hears. */
export interface ChangeListener {
  /** Whether changes are heard of: a heartbeat through the same connection came back just now. */
  isTrusted(): boolean;
  close(): void;
}

const beatIntervalMs = 400;
/** A change that was announced longer ago than this was heard, or the heartbeat was not either. */
const trustMs = 1000;

/**
 * Hears of changes to sessions that are read through `commands`. A single Redis tells of those that were read and of no others, so
 * that a log-in costs the same however many front ends there are; a Redis that can't, and a Cluster, tell everybody everything.
 * @param subscriber a connection for this alone, of the role `changes`: news and heartbeat come in one stream
 * @param commands to the same Redis
 * @param onChange of a plain id; others must not be remembered
 * @param onLost changes may have been missed
 */
export function listenToChanges(
  subscriber: RedisClient,
  commands: RedisClient,
  onChange: (id: string) => void,
  onLost: () => void,
): ChangeListener {
  const ownChannel = `wafer:beat:${randomBytes(9).toString('base64url')}`;
  let heardAt = Number.NEGATIVE_INFINITY;
  let wasTrusted = false;
  /** Counts what made the present connections useless. */
  let breaks = 0;
  let isTold = false;
  let isBeginning = false;
  /** Asked before it subscribes: afterwards it takes no question. */
  let subscriberId: number | undefined;
  const isTrusted = () => isTold && performance.now() - heardAt < trustMs;

  const lose = () => {
    breaks++;
    isTold = false;
    heardAt = Number.NEGATIVE_INFINITY;
    onLost();
  };
  const hear = (name: string) => {
    try {
      onChange(decodeURIComponent(name));
    } catch {
      // Nobody of ours spells an id so: what has changed is unknown.
      onLost();
    }
  };
  /** Of what others may write there, NaN and times to come would be believed for ever. */
  const hearBeat = (sentAt: number) => {
    if (sentAt > heardAt && sentAt <= performance.now()) heardAt = sentAt;
  };
  /** The key has no other use than to be told of. */
  const proofKey = ownChannel;
  let onProof: (isTold: true) => void = () => {};
  const hearKeys = (keys: Buffer | readonly Buffer[] | null) => {
    // Everything was deleted; or what others have published there says that something was, and not what.
    if (!Array.isArray(keys)) return onLost();
    for (const key of keys.map(String)) {
      const id = plainIdOf(key);
      if (id !== undefined) onChange(id);
      else if (key === proofKey) onProof(true);
    }
  };
  subscriber.on('messageBuffer', (channel: Buffer, message: Buffer | readonly Buffer[] | null) => {
    const name = channel.toString();
    if (name === invalidationChannel) hearKeys(message);
    else if (name === channelOf(subscriber, changeChannel)) hear(String(message));
    // The beat says when it was sent: one that was held up proves nothing about now.
    else if (name === ownChannel) hearBeat(Number(String(message)));
  });
  const forgetSubscriber = () => {
    subscriberId = undefined;
    lose();
  };
  subscriber.on('close', forgetSubscriber);
  commands.on('close', lose);

  /** Asks Redis to tell of every change to what is read from now on. False: this Redis can't, or may not. */
  const track = async (): Promise<boolean> => {
    if (subscriber instanceof Cluster) return false;
    try {
      subscriberId ??= await subscriber.client('ID');
      await subscriber.subscribe(invalidationChannel, ownChannel);
      await commands.client('TRACKING', 'ON', 'REDIRECT', subscriberId);
      // Something on the way to Redis may say yes and do nothing.
      const proof = new Promise<true>((resolve) => (onProof = resolve));
      await commands.get(proofKey);
      await commands.set(proofKey, '', 'PX', trustMs);
      return await Promise.race([proof, setTimeout(trustMs, false, { ref: false })]);
    } catch (error) {
      if ((error as Error).name === 'ReplyError') return false;
      throw error;
    }
  };

  const begin = async (): Promise<void> => {
    const present = breaks;
    isBeginning = true;
    try {
      if (!(await track())) await subscriber.subscribe(channelOf(subscriber, changeChannel), ownChannel);
      if (breaks !== present) return;
      // Nobody tells of what was read before.
      onLost();
      isTold = true;
    } finally {
      isBeginning = false;
    }
  };
  const beat = (): void => {
    // What happened while nobody heard it is unknown, so nothing from before counts.
    if (wasTrusted && !isTrusted()) onLost();
    wasTrusted = isTrusted();
    if (subscriber.status !== 'ready' || commands.status !== 'ready') return;
    if (!isTold && !isBeginning) void begin().catch(() => undefined);
    void commands.publish(ownChannel, String(performance.now())).catch(() => undefined);
  };
  beat();
  const timer = setInterval(beat, beatIntervalMs);
  timer.unref();
  return {
    isTrusted,
    close: () => {
      clearInterval(timer);
      subscriber.off('close', forgetSubscriber);
      commands.off('close', lose);
    },
  };
}
