import type { Closer } from '../lifecycle/closer.ts';
import { announceReady } from '../lifecycle/run.ts';
import type { Log } from '../log/log.ts';
import { createFigures, type Figures } from '../metrics/figures.ts';
import type { Snapshot } from '../metrics/snapshot.ts';
import { whenReady } from '../redis/connect.ts';
import { hearControl, type ControlMessage } from '../redis/control.ts';
import { createInstanceName, createPresence, machineName, type InstanceRole } from '../redis/presence.ts';
import { answerRollCalls, type OwnState } from '../redis/roll-call.ts';
import { untilDone } from '../async/retry.ts';
import { createSeal, type Seal } from '../rpc/seal.ts';
import { waitForSealKey } from '../store/seal-key.ts';
import { readForgetOrder } from '../erasure/forget-order.ts';
import type { Remembering } from './remembering.ts';
import type { Stores } from './stores.ts';

/** One process among those that make up the system: they share a seal, hear the same orders, and know of each other. */
export interface Member {
  /** A name that no other process has. */
  readonly instance: string;
  readonly figures: Figures;
  /**
   * Waits for MySQL and Redis, as long as it takes; from then on this process hears orders and answers roll calls.
   * @param forget drops what this process remembers of MySQL
   * @throws AbortError once `signal` is aborted
   */
  join(signal: AbortSignal, forget: () => void, describe?: () => Promise<OwnState>): Promise<Seal>;
  /** Tells the other processes, pm2 and /metrics that this process is up. */
  announce(): Promise<void>;
  /** Takes the name off the list of those who serve. */
  leave(): Promise<void>;
}

/** Figures of workers are kept together; those of front ends by machine, whose one port they share. */
const figureGroups = { web: `web:${machineName}`, worker: 'worker' };

export function createMember(
  role: InstanceRole,
  stores: Stores,
  deps: {
    readonly snapshot: () => Promise<Snapshot>;
    readonly remembering: Remembering;
    readonly closer: Closer;
    readonly log: Log;
  },
): Member {
  const { sequelize, commands, subscriber, clock } = stores;
  const { snapshot, remembering, closer, log } = deps;
  const instance = createInstanceName(role);
  const group = figureGroups[role];
  const shown = role === 'web' ? [figureGroups.worker] : [];
  const figures = createFigures({ client: commands, clock, instance, group, shown, snapshot });
  closer.add('figures', () => figures.close());
  const presence = createPresence(commands, clock, instance);
  return {
    instance,
    figures,
    async join(signal, forget, describe) {
      const seal = createSeal(await waitForSealKey(sequelize, signal, log));
      await whenReady(commands, signal);
      await clock.sync().catch(() => undefined);
      const obey = (message: ControlMessage) =>
        message.kind === 'forget-cached' ? forget() : remembering.forget(readForgetOrder(seal, message.person));
      await untilDone(() => hearControl(subscriber, commands, instance, obey), signal);
      await untilDone(() => answerRollCalls(subscriber, commands, instance, describe), signal);
      return seal;
    },
    async announce() {
      await presence.announce();
      figures.start();
      announceReady();
    },
    leave: () => presence.leave(),
  };
}
