import type { RedisClient } from '../../../shared/redis/connect.ts';
import type { RedisClock } from '../../../shared/redis/clock.ts';
import { noteDataSince } from '../../../shared/redis/presence.ts';

/** Tells when calls that wait can't count on their answer any more: their job, or its answer, may be gone. */
export interface LossWatch {
  /** A job could not be queued. */
  noteFailure(error: Error): void;
  close(): void;
}

/** Two or three attempts to connect again fit in: what is back by then has lost nothing. */
const awayMs = 300;
const lookIntervalMs = 500;
/** How Redis refuses to write: it is out of memory, can't reach its disk or its replicas, or has become a replica. */
const refusedWrite = /^(OOM|MISCONF|NOREPLICAS|READONLY) /;
/** Refusals within this time are told once. */
const refusalsMs = 1000;

/**
 * @param options.onAway Redis has been away for longer than a brief cut
 * @param options.onDoubt Redis is there, and has lost what it held or takes no writes, so that workers can't write their answers either
 */
export function watchLoss(options: {
  readonly commands: RedisClient;
  readonly clock: RedisClock;
  readonly onAway: () => void;
  readonly onDoubt: () => void;
}): LossWatch {
  const { commands, clock, onAway, onDoubt } = options;
  let dataSince: number | undefined;

  const look = async (): Promise<void> => {
    if (commands.status !== 'ready') return;
    const before = dataSince;
    dataSince = await noteDataSince(commands, clock);
    if (before !== undefined && dataSince !== before) onDoubt();
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
  let isRefusing = false;
  commands.on('close', onClose);
  commands.on('ready', lookLater);
  lookLater();
  return {
    noteFailure({ message }) {
      if (isRefusing || !refusedWrite.test(message)) return;
      isRefusing = true;
      setTimeout(() => (isRefusing = false), refusalsMs).unref();
      onDoubt();
    },
    close() {
      clearInterval(interval);
      clearTimeout(away);
      commands.off('close', onClose);
      commands.off('ready', lookLater);
    },
  };
}
