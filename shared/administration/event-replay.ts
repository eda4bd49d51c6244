import { QueryTypes, type Sequelize } from 'sequelize';
import { ConfigError } from '../config/config.ts';
import { sendAgain } from '../events/dead-letters.ts';
import { endpointSecretPlace } from '../events/endpoint-store.ts';
import type { StoredEvent } from '../events/event.ts';
import { hurryEvents } from '../events/queue.ts';
import { createEventSender, type SendResult } from '../events/send.ts';
import { tellAll } from '../redis/control.ts';
import { recordAudit } from '../store/audit.ts';
import { inTransaction } from '../store/in-transaction.ts';
import { getEndpoint, type EndpointAdministration } from './endpoints.ts';
import { AdministrationFailure } from './failure.ts';
import type { Forgotten } from './forget-everywhere.ts';
import type { UseRedis } from './stores.ts';

/** Workers note the time of an event by their own clocks. */
const clocksApartMs = 60_000;

/**
 * Makes every worker read the endpoints again; if nobody can be told they do so within some seconds.
 * @param due an endpoint whose lanes wait for their next attempt: they make it now, for it may work again
 */
export async function tellEndpointsChanged(useRedis: UseRedis, due?: string): Promise<Forgotten> {
  try {
    return await useRedis(async ({ commands, clock }) => {
      const told = await tellAll(commands, clock, { kind: 'forget-endpoints' });
      if (due !== undefined) await hurryEvents(commands, due);
      return told;
    });
  } catch (error) {
    if (!(error instanceof AdministrationFailure || error instanceof ConfigError)) throw error;
    return { obeyed: [], silent: [], unreachable: error.message };
  }
}

/** Sends an event that means nothing, from here, and tells what the endpoint says. */
export async function testEndpoint(
  { sequelize, cipher, rules }: Pick<EndpointAdministration, 'sequelize' | 'cipher' | 'rules'>,
  name: string,
): Promise<SendResult> {
  const { url, secret } = await getEndpoint(sequelize, name);
  const sender = createEventSender(rules);
  const event = {
    id: 0,
    at: Date.now(),
    event: 'endpoint.test',
    appid: null,
    openId: null,
    sessionId: null,
    details: {},
  };
  try {
    const secrets = [cipher.open(endpointSecretPlace(name), secret)];
    return await sender.send({ url, secrets }, event as unknown as StoredEvent);
  } finally {
    await sender.close();
  }
}

/** Has dead letters sent once more: one, or all of an endpoint. @returns how many */
export function replayDeadLetters(
  { sequelize, actor }: Pick<EndpointAdministration, 'sequelize' | 'actor'>,
  which: { readonly letter: number } | { readonly endpoint: string },
): Promise<number> {
  return inTransaction(sequelize, async (transaction) => {
    const count = await sendAgain(sequelize, which, transaction);
    const target = 'letter' in which ? `dead letter ${which.letter}` : which.endpoint;
    await recordAudit(sequelize, { actor, action: 'events replay', target, details: { count } }, transaction);
    return count;
  });
}

/**
 * Sends everything once more that an endpoint wants and that happened from then on, as far as it is kept.
 * @param fromMs milliseconds since 1970
 * @returns the time of the first event that is kept; undefined: there is none from then on
 */
export function replayFrom(
  { sequelize, actor }: Pick<EndpointAdministration, 'sequelize' | 'actor'>,
  name: string,
  fromMs: number,
): Promise<number | undefined> {
  return inTransaction(sequelize, async (transaction) => {
    await getEndpoint(sequelize, name);
    const [first] = await sequelize.query<{ id: number | string; at: number | string }>(
      'select id, at from cWaferEvent where at >= :fromMs order by at, id limit 1',
      { replacements: { fromMs: fromMs - clocksApartMs }, type: QueryTypes.SELECT, transaction },
    );
    if (first === undefined) return undefined;
    await sequelize.query(
      'update cWaferEndpointLane set after_id = least(after_id, :before), waits_for = null where endpoint = :name',
      { replacements: { name, before: Number(first.id) - 1 }, type: QueryTypes.UPDATE, transaction },
    );
    const details = { from: new Date(fromMs).toISOString() };
    await recordAudit(sequelize, { actor, action: 'events replay', target: name, details }, transaction);
    return Number(first.at);
  });
}

/** @throws {AdministrationFailure} letter_unknown */
export async function requireLetter(sequelize: Sequelize, letter: number): Promise<void> {
  const [row] = await sequelize.query('select id from cWaferDeadLetter where id = :letter', {
    replacements: { letter },
    type: QueryTypes.SELECT,
  });
  if (row === undefined)
    throw new AdministrationFailure('letter_unknown', 'There is no such dead letter. See: npx wafer events dead');
}
