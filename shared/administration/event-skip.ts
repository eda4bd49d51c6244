import type { Sequelize } from 'sequelize';
import { holdRelay } from '../events/relay-turn.ts';
import { readWaiting, skipWaiting } from '../events/waiting.ts';
import { recordAudit } from '../store/audit.ts';
import { inTransaction } from '../store/in-transaction.ts';
import { getEndpoint, type EndpointAdministration } from './endpoints.ts';
import { AdministrationFailure } from './failure.ts';

/**
 * Makes dead letters, at once, of the events that an endpoint does not take and others wait for. Its lanes go on when they are told, by
 * `tellEndpointsChanged`.
 * @param sequence of one of them; undefined: all
 * @returns how many
 * @throws {AdministrationFailure} endpoint_unknown, waiting_event_unknown
 */
export async function skipEvents(
  { sequelize, actor }: Pick<EndpointAdministration, 'sequelize' | 'actor'>,
  name: string,
  sequence: number | undefined,
): Promise<number> {
  await getEndpoint(sequelize, name);
  return inTransaction(sequelize, async (transaction) => {
    // Nobody who is erased meanwhile gets into a dead letter.
    await holdRelay(sequelize, transaction);
    const count = await skipWaiting(sequelize, { endpoint: name, sequence }, transaction);
    if (count === 0 && sequence !== undefined)
      throw new AdministrationFailure(
        'waiting_event_unknown',
        `No event with the sequence ${sequence} is waited for. See: npx wafer events list`,
      );
    const details = { count, ...(sequence === undefined ? {} : { sequence }) };
    await recordAudit(sequelize, { actor, action: 'events skip', target: name, details }, transaction);
    return count;
  });
}

/** How many that would be. */
export async function countSkippable(
  sequelize: Sequelize,
  name: string,
  sequence: number | undefined,
): Promise<number> {
  await getEndpoint(sequelize, name);
  const waiting = await readWaiting(sequelize);
  return waiting.filter(({ endpoint, id }) => endpoint === name && (sequence === undefined || id === sequence)).length;
}
