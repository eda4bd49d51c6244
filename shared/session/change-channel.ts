import { randomBytes } from 'node:crypto';
import type { RedisClient } from '../redis/connect.ts';

/**
 * Where every change of a cached session is announced, by the script that changes the cache, before the row changes: the id, as
 * {@link nameInChange} spells it.
 */
export const changeChannel = 'wafer:changed';

/** Old ids may hold anything, blanks too. */
export function nameInChange(id: string): string {
  return encodeURIComponent(id);
}

/** Hears of changed sessions, and knows whether it hears. */
export interface ChangeListener {
  /** Whether announcements arrive: a heartbeat through the same connection came back just now. */
  isTrusted(): boolean;
  close(): void;
}

const beatIntervalMs = 400;
/** A change that was announced longer ago than this was heard, or the heartbeat was not either. */
const trustMs = 1000;

/**
 * @param subscriber a connection for this alone: announcements and heartbeat come in one stream
 * @param commands to the same Redis
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
  const isTrusted = () => performance.now() - heardAt < trustMs;

  const hear = (name: string) => {
    try {
      onChange(decodeURIComponent(name));
    } catch {
      // Nobody of ours spells an id so: what has changed is unknown.
      onLost();
    }
  };
  subscriber.on('message', (channel: string, message: string) => {
    if (channel === changeChannel) hear(message);
    // The beat says when it was sent: one that was held up proves nothing about now.
    else if (channel === ownChannel) heardAt = Math.max(heardAt, Number(message));
  });
  const lose = () => {
    heardAt = Number.NEGATIVE_INFINITY;
    onLost();
  };
  subscriber.on('close', lose);
  const timer = setInterval(() => {
    // What was announced while nobody heard it is unknown, so nothing from before counts.
    if (wasTrusted && !isTrusted()) lose();
    wasTrusted = isTrusted();
    if (commands.status === 'ready')
      void commands.publish(ownChannel, String(performance.now())).catch(() => undefined);
  }, beatIntervalMs);
  timer.unref();
  void subscriber.subscribe(changeChannel, ownChannel).catch(() => undefined);
  return {
    isTrusted,
    close: () => {
      clearInterval(timer);
      subscriber.off('close', lose);
    },
  };
}
