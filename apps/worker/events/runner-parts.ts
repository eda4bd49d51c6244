import type { Sequelize } from 'sequelize';
import type { Delivery } from './delivery.ts';
import type { EventDemand } from './demand.ts';
import type { InHand } from './in-hand.ts';

/** What the jobs that send are made of. */
export interface RunnerParts {
  readonly sequelize: Sequelize;
  readonly demand: EventDemand;
  readonly delivery: Delivery;
  readonly inHand: InHand;
  readonly signal: AbortSignal;
}
