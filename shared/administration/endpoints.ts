import { randomBytes } from 'node:crypto';
import type { Sequelize } from 'sequelize';
import { countDeadLetters } from '../events/dead-letters.ts';
import {
  deleteEndpoint,
  endpointSecretPlace,
  insertEndpoint,
  maxEndpoints,
  previousEndpointSecretPlace,
  readEndpoints,
  updateEndpoint,
  type Endpoint,
  type StoredSecrets,
} from '../events/endpoint-store.ts';
import type { EventFilter } from '../events/event.ts';
import { readOldest } from '../events/event-log.ts';
import type { TargetRules } from '../events/targets.ts';
import { readWaiting, type WaitingEvent } from '../events/waiting.ts';
import { sealedMark, type ColumnCipher } from '../keys/column-cipher.ts';
import { recordAudit, type Actor } from '../store/audit.ts';
import { readApps } from '../store/app-reader.ts';
import { inTransaction } from '../store/in-transaction.ts';
import type { AppInfo } from '../store/models.ts';
import { AdministrationFailure } from './failure.ts';

/** What is needed to change endpoints. Those who keep them in mind are to be told afterwards, by `tellEndpointsChanged`. */
export interface EndpointAdministration {
  readonly sequelize: Sequelize;
  readonly appInfo: AppInfo;
  readonly cipher: ColumnCipher;
  readonly rules: TargetRules;
  readonly actor: Actor;
}

/** An endpoint for an administrator: without its secret, and without the rest of its address, in which others have one. */
export interface ListedEndpoint extends Omit<Endpoint, 'url'> {
  /** Such as https://crm.example.com */
  readonly origin: string;
  readonly dead: number;
  /** Age in seconds of the oldest event that it has still to get; 0: it has all. */
  readonly oldestSeconds: number;
  /** The events that it does not take and others wait for, one for each lane at most; who waits longest is first. */
  readonly waiting: readonly WaitingEvent[];
}

export interface EndpointChange {
  readonly url?: string | undefined;
  readonly apps?: EventFilter['apps'] | undefined;
  readonly events?: EventFilter['events'] | undefined;
  readonly isEnabled?: boolean | undefined;
  /** The one before is signed with as well for a day. */
  readonly newSecret?: boolean | undefined;
}

/** Letters, digits, dots, underscores and hyphens: it stands in logs, metrics and paths. */
export const endpointNameShape = /^[A-Za-z0-9._-]{1,64}$/;
const secretBytes = 32;
const previousSecretMs = 86_400_000;

export async function listEndpoints(sequelize: Sequelize): Promise<ListedEndpoint[]> {
  const [endpoints, dead, oldest, waiting] = await Promise.all([
    readEndpoints(sequelize),
    countDeadLetters(sequelize),
    readOldest(sequelize),
    readWaiting(sequelize),
  ]);
  return endpoints.map((endpoint) => ({
    ...toShown(endpoint),
    dead: dead.get(endpoint.name) ?? 0,
    oldestSeconds: oldest.get(endpoint.name) ?? 0,
    waiting: waiting.filter((event) => event.endpoint === endpoint.name),
  }));
}

function toShown(endpoint: Endpoint & StoredSecrets): Omit<ListedEndpoint, 'dead' | 'oldestSeconds' | 'waiting'> {
  const { url, secret: _, previousSecret: __, previousSecretUntil: ___, ...shown } = endpoint;
  // Somebody may have written into it by SQL.
  return { ...shown, origin: URL.canParse(url) ? new URL(url).origin : 'no address' };
}

/** @throws {AdministrationFailure} endpoint_unknown */
export async function getEndpoint(sequelize: Sequelize, name: string): Promise<Endpoint & StoredSecrets> {
  const endpoint = (await readEndpoints(sequelize)).find((each) => each.name === name);
  if (endpoint === undefined) throw createUnknown();
  return endpoint;
}

const createUnknown = () =>
  new AdministrationFailure('endpoint_unknown', 'There is no such endpoint. See: npx wafer events list');

/** @returns its secret, which is not shown again */
export async function addEndpoint(
  { sequelize, appInfo, cipher, rules, actor }: EndpointAdministration,
  name: string,
  { url, apps, events }: { readonly url: string } & EventFilter,
): Promise<{ readonly secret: string }> {
  if (!endpointNameShape.test(name))
    throw new AdministrationFailure(
      'name_invalid',
      'The name must be 1 to 64 letters, digits, dots, underscores or hyphens.',
    );
  requireUrl(rules, url);
  await requireApps(appInfo, apps);
  await refuseToMix(sequelize, cipher);
  const secret = createSecret();
  await inTransaction(sequelize, async (transaction) => {
    const known = await readEndpoints(sequelize, transaction);
    if (known.some((each) => each.name === name))
      throw new AdministrationFailure('endpoint_exists', `There is an endpoint ${name} already.`);
    if (known.length >= maxEndpoints)
      throw new AdministrationFailure('endpoints_too_many', `There are ${maxEndpoints} endpoints, which is the most.`);
    const sealed = cipher.seal(endpointSecretPlace(name), secret);
    await insertEndpoint(sequelize, name, { url, apps, events, secret: sealed }, transaction);
    const details = { origin: new URL(url).origin, apps, events };
    await recordAudit(sequelize, { actor, action: 'events add', target: name, details }, transaction);
  });
  return { secret };
}

/** @returns the new secret, if one was wanted */
export async function setEndpoint(
  { sequelize, appInfo, cipher, rules, actor }: EndpointAdministration,
  name: string,
  { url, apps, events, isEnabled, newSecret = false }: EndpointChange,
): Promise<{ readonly secret?: string }> {
  if (url !== undefined) requireUrl(rules, url);
  await requireApps(appInfo, apps ?? null);
  if (newSecret) await refuseToMix(sequelize, cipher);
  const secret = newSecret ? createSecret() : undefined;
  await inTransaction(sequelize, async (transaction) => {
    const before = (await readEndpoints(sequelize, transaction)).find((each) => each.name === name);
    if (before === undefined) throw createUnknown();
    const columns = {
      ...(url === undefined ? {} : { url }),
      ...(apps === undefined ? {} : { apps }),
      ...(events === undefined ? {} : { events }),
      // Switched on again, it gets what comes from then on; one that is on goes on where it is.
      ...(isEnabled === undefined || isEnabled === before.isEnabled ? {} : { isEnabled }),
      ...(secret === undefined ? {} : rotated(cipher, before, secret)),
    };
    const { secret: _, previousSecret: __, previousSecretUntil: ___, ...plain } = columns as Record<string, unknown>;
    const details = { ...plain, ...(url === undefined ? {} : { url: new URL(url).origin }), newSecret };
    if (Object.keys(columns).length > 0) await updateEndpoint(sequelize, name, columns, transaction);
    await recordAudit(sequelize, { actor, action: 'events set', target: name, details }, transaction);
  });
  return secret === undefined ? {} : { secret };
}

/** With its dead letters. */
export async function removeEndpoint(
  { sequelize, actor }: Pick<EndpointAdministration, 'sequelize' | 'actor'>,
  name: string,
): Promise<void> {
  await inTransaction(sequelize, async (transaction) => {
    if (!(await deleteEndpoint(sequelize, name, transaction))) throw createUnknown();
    await recordAudit(sequelize, { actor, action: 'events remove', target: name }, transaction);
  });
}

/** As Standard Webhooks writes it. */
function createSecret(): string {
  return `whsec_${randomBytes(secretBytes).toString('base64')}`;
}

function rotated(cipher: ColumnCipher, { name, secret: stored }: Endpoint & StoredSecrets, secret: string) {
  return {
    secret: cipher.seal(endpointSecretPlace(name), secret),
    previousSecret: cipher.seal(previousEndpointSecretPlace(name), cipher.open(endpointSecretPlace(name), stored)),
    previousSecretUntil: Date.now() + previousSecretMs,
  };
}

function requireUrl(rules: TargetRules, url: string): void {
  const fault = rules.findFault(url);
  if (fault !== undefined) throw new AdministrationFailure('url_invalid', `The address ${fault}.`);
}

/** One that is misspelled would never be heard of. */
async function requireApps(appInfo: AppInfo, appids: EventFilter['apps']): Promise<void> {
  if (appids === null) return;
  const known = new Set((await readApps(appInfo)).map(({ appid }) => appid));
  const unknown = appids.find((appid) => !known.has(appid));
  if (unknown !== undefined)
    throw new AdministrationFailure(
      'app_unknown',
      `There is no app ${JSON.stringify(unknown)}. See: npx wafer app list`,
    );
}

/** Where other secrets are encrypted, one in plain text is most likely a WAFER_KEYS that was forgotten. */
async function refuseToMix(sequelize: Sequelize, { keys }: ColumnCipher): Promise<void> {
  if (keys.keys.size > 0) return;
  const [sealed] = await sequelize.query(
    `select 1 from cAppinfo where left(secret, ${sealedMark.length}) = '${sealedMark}' limit 1`,
  );
  if (sealed.length > 0)
    throw new AdministrationFailure(
      'keys_not_set',
      'The secrets in this database are encrypted, and WAFER_KEYS is not set here. Set it as for the workers. Nothing was changed.',
    );
}
