import type { RedisClient } from '../redis/connect.ts';
import type { RedisClock } from '../redis/clock.ts';
import { noteDataSince } from '../redis/presence.ts';

/** Tells when calls that wait can't count on their answer any more: their job, or its answer, may be gone. */
export interface LossWatch {
  close(): void;
}

/** Two or three attempts to connect again fit in: what is back by then has lost nothing. */
const awayMs = 300;
const lookIntervalMs = 500;

/**
 * @param options.onAway Redis has been away for longer than a brief cut
 * @param options.onLost Redis is there and has lost what it held
 */
export function watchLoss(options: {
  readonly commands: RedisClient;
  readonly clock: RedisClock;
  readonly onAway: () => void;
  readonly onLost: () => void;
}): LossWatch {
  const { commands, clock, onAway, onLost } = options;
  let dataSince: number | undefined;

  const look = async (): Promise<void> => {
    if (commands.status !== 'ready') return;
    const before = dataSince;
    dataSince = await noteDataSince(commands, clock);
    if (before !== undefined && dataSince !== before) onLost();
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
    },
  };
}
