import type { Closer } from '../lifecycle/closer.ts';
import { announceReady } from '../lifecycle/run.ts';
import { levelOrderKey, openLevelOrder } from '../log/level-order.ts';
import { createLevelSwitch } from '../log/level-switch.ts';
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
  /** What all processes share; undefined until this one has joined them. */
  seal(): Seal | undefined;
  /**
   * Waits for MySQL and Redis, as long as it takes; from then on this process hears orders and answers roll calls.
   * @param forget drops what this process remembers of MySQL: all of it, or who wants events
   * @throws AbortError once `signal` is aborted
   */
  join(signal: AbortSignal, forget: Forget, describe?: () => Promise<OwnState>): Promise<Seal>;
  /** Tells the other processes, pm2 and /metrics that this process is up. */
  announce(): Promise<void>;
  /** Takes the name off the list of those who serve. */
  leave(): Promise<void>;
}

/** Resolves when what was known counts no more. */
type Forget = (what: 'everything' | 'endpoints') => void | Promise<void>;

/** Figures of workers are kept together; those of front ends by machine, whose one port they share. */
const figureGroups = { web: `web:${machineName}`, worker: 'worker' };

export function createMember(
  role: InstanceRole,
  stores: Stores,
  deps: {
    readonly snapshot: () => Promise<Snapshot>;
    readonly remembering: Remembering;
    /** One of so many checks is to be logged; 0: none. */
    readonly sampleChecks?: (every: number) => void;
    readonly closer: Closer;
    readonly log: Log;
  },
): Member {
  const { sequelize, commands, subscriber, clock } = stores;
  const { snapshot, remembering, sampleChecks, closer, log } = deps;
  const levels = createLevelSwitch(log, sampleChecks);
  closer.add('log level', () => levels.close());
  const instance = createInstanceName(role);
  const group = figureGroups[role];
  const shown = role === 'web' ? [figureGroups.worker] : [];
  const figures = createFigures({ client: commands, clock, instance, group, shown, snapshot });
  closer.add('figures', () => figures.close());
  const presence = createPresence(commands, clock, instance);
  const shared: { seal?: Seal } = {};
  return {
    instance,
    figures,
    seal: () => shared.seal,
    async join(signal, forget, describe) {
      const seal = createSeal(await waitForSealKey(sequelize, signal, log));
      await whenReady(commands, signal);
      await clock.sync().catch(() => undefined);
      const changeLevel = (sealed: string) => levels.obey(openLevelOrder(seal, sealed), clock.nowMs());
      const obey = (message: ControlMessage) => {
        if (message.kind === 'forget-person') return remembering.forget(readForgetOrder(seal, message.person));
        if (message.kind === 'log-level') return changeLevel(message.order);
        return forget(message.kind === 'forget-cached' ? 'everything' : 'endpoints');
      };
      await untilDone(() => hearControl(subscriber, commands, instance, obey), signal);
      // An order that came before this process. Without it the process serves just so.
      const joinLevel = async () => {
        const standing = await commands.get(levelOrderKey);
        if (standing !== null) changeLevel(standing);
      };
      await joinLevel().catch(() => undefined);
      await untilDone(() => answerRollCalls(subscriber, commands, instance, describe), signal);
      shared.seal = seal;
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
