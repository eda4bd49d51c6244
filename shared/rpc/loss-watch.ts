import type { RedisClient } from '../redis/connect.ts';
import { repliesMarkKey } from './contract.ts';

/** Tells when calls that wait can't count on their answer any more: their job, or its answer, may be gone. */
export interface LossWatch {
  close(): void;
}

/** Two or three attempts to connect again fit in: what is back by then has lost nothing. */
const awayMs = 300;
const lookIntervalMs = 500;
/** A front end that was killed leaves its mark behind for so long. */
const markTtlMs = 60_000;

/**
 * A key of this instance's own is the witness: when it is gone, Redis was emptied or began anew, and the jobs went with it.
 * @param options.onAway Redis has been away for longer than a brief cut
 * @param options.onLost Redis is there and has lost what it held
 */
export function watchLoss(options: {
  readonly instance: string;
  readonly commands: RedisClient;
  readonly onAway: () => void;
  readonly onLost: () => void;
}): LossWatch {
  const { instance, commands, onAway, onLost } = options;
  const key = repliesMarkKey(instance);
  let isMarked = false;

  const look = async (): Promise<void> => {
    if (commands.status !== 'ready' || (await commands.pexpire(key, markTtlMs)) === 1) return;
    await commands.set(key, '1', 'PX', markTtlMs);
    if (isMarked) onLost();
    isMarked = true;
  };
  const lookLater = () => void look().catch(() => undefined);
  const interval = setInterval(lookLater, lookIntervalMs);

  let away: NodeJS.Timeout | undefined;
  const onClose = () => {
    away ??= setTimeout(() => {
      away = undefined;
      if (commands.status !== 'ready') onAway();
    }, awayMs);
  };
  commands.on('close', onClose);
  commands.on('ready', lookLater);
  lookLater();
  return {
    close() {
      clearInterval(interval);
      clearTimeout(away);
      commands.off('close', onClose);
      commands.off('ready', lookLater);
      commands.del(key).catch(() => undefined);
    },
  };
}
