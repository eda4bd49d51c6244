import { QueryTypes, type Sequelize, type Transaction } from 'sequelize';
import type { Place } from '../keys/column-cipher.ts';
import type { EventFilter, EventName } from './event.ts';
import { laneCount } from './outbox.ts';

/** Where events are sent. */
export interface Endpoint extends EventFilter {
  readonly name: string;
  readonly url: string;
  readonly isEnabled: boolean;
  /** Milliseconds since 1970, as all times here. */
  readonly createdAt: number;
  /** When it last took an event, to within some seconds; null: never. */
  readonly deliveredAt: number | null;
  /** Since when it has taken none, and what it did instead; null: it takes them. */
  readonly failingSince: number | null;
  readonly failure: string | null;
}

/** As they are stored, which is encrypted where WAFER_KEYS is set. */
export interface StoredSecrets {
  readonly secret: string;
  readonly previousSecret: string | null;
  readonly previousSecretUntil: number | null;
}

export const endpointSecretPlace = (name: string): Place => ({ column: 'cWaferEndpoint.secret', owner: [name] });
export const previousEndpointSecretPlace = (name: string): Place => ({
  column: 'cWaferEndpoint.previous_secret',
  owner: [name],
});

/** Each may have all its lanes under way at once. */
export const maxEndpoints = 20;

interface EndpointRow {
  readonly name: string;
  readonly url: string;
  readonly apps: string | null;
  readonly events: string | null;
  readonly secret: string;
  readonly previous_secret: string | null;
  readonly previous_secret_until: number | string | null;
  readonly enabled: number;
  readonly created_at: number | string;
  readonly delivered_at: number | string | null;
  readonly failing_since: number | string | null;
  readonly failure: string | null;
}

export async function readEndpoints(
  sequelize: Sequelize,
  transaction?: Transaction,
): Promise<(Endpoint & StoredSecrets)[]> {
  const rows = await sequelize.query<EndpointRow>(
    `select name, url, apps, events, secret, previous_secret, previous_secret_until, enabled, created_at, delivered_at, failing_since, failure
     from cWaferEndpoint order by name ${transaction === undefined ? '' : 'for update'}`,
    { type: QueryTypes.SELECT, ...(transaction === undefined ? {} : { transaction }) },
  );
  return rows.map((row) => ({
    name: row.name,
    url: row.url,
    apps: readList(row.apps),
    events: readList(row.events) as EventName[] | null,
    secret: row.secret,
    previousSecret: row.previous_secret,
    previousSecretUntil: toTime(row.previous_secret_until),
    isEnabled: row.enabled !== 0,
    createdAt: Number(row.created_at),
    deliveredAt: toTime(row.delivered_at),
    failingSince: toTime(row.failing_since),
    failure: row.failure,
  }));
}

/** Somebody may have written into it by SQL: what is no list means none of them, rather than all. */
function readList(text: string | null): string[] | null {
  if (text === null) return null;
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) ? list.filter((each) => typeof each === 'string') : [];
  } catch {
    return [];
  }
}

const toTime = (value: number | string | null): number | null => (value === null ? null : Number(value));

/** What of an endpoint is set; what is left out stays. */
export interface EndpointColumns extends Partial<StoredSecrets> {
  readonly url?: string;
  readonly apps?: EventFilter['apps'];
  readonly events?: EventFilter['events'];
  readonly isEnabled?: boolean;
}

/** @returns false if there is one of this name */
export async function insertEndpoint(
  sequelize: Sequelize,
  name: string,
  columns: EndpointColumns & { readonly url: string; readonly secret: string },
  transaction: Transaction,
): Promise<boolean> {
  const [, added] = await sequelize.query(
    `insert ignore into cWaferEndpoint set name = :name, created_at = :now, ${assign(columns)}`,
    { replacements: { name, now: Date.now(), ...toValues(columns) }, type: QueryTypes.INSERT, transaction },
  );
  if (added !== 1) return false;
  await moveToEnd(sequelize, name, transaction);
  return true;
}

export async function updateEndpoint(
  sequelize: Sequelize,
  name: string,
  columns: EndpointColumns,
  transaction: Transaction,
): Promise<void> {
  await sequelize.query(
    `update cWaferEndpoint set failing_since = null, failure = null, ${assign(columns)} where name = :name`,
    { replacements: { name, ...toValues(columns) }, type: QueryTypes.UPDATE, transaction },
  );
  // What happened while it was off is not for it.
  if (columns.isEnabled === true) await moveToEnd(sequelize, name, transaction);
}

/** The same secrets, written otherwise: nothing else changes. */
export async function updateSecrets(
  sequelize: Sequelize,
  name: string,
  columns: Partial<StoredSecrets>,
  transaction: Transaction,
): Promise<void> {
  await sequelize.query(`update cWaferEndpoint set ${assign(columns)} where name = :name`, {
    replacements: { name, ...toValues(columns) },
    type: QueryTypes.UPDATE,
    transaction,
  });
}

/** It gets what comes from now on. */
async function moveToEnd(sequelize: Sequelize, endpoint: string, transaction: Transaction): Promise<void> {
  const lanes = Array.from({ length: laneCount }, (_, lane) => `(:endpoint, ${lane}, :last)`);
  const [row] = await sequelize.query<{ last: number | string }>(
    'select coalesce(max(id), 0) as last from cWaferEvent',
    {
      type: QueryTypes.SELECT,
      transaction,
    },
  );
  await sequelize.query(
    `insert into cWaferEndpointLane (endpoint, lane, after_id) values ${lanes.join(',')}
     on duplicate key update after_id = :last`,
    { replacements: { endpoint, last: Number(row?.last) }, type: QueryTypes.INSERT, transaction },
  );
}

/** With its dead letters. @returns false if there is none of this name */
export async function deleteEndpoint(sequelize: Sequelize, name: string, transaction: Transaction): Promise<boolean> {
  const remove = (table: string, column: string) =>
    sequelize.query(`delete from ${table} where ${column} = :name`, {
      replacements: { name },
      type: QueryTypes.BULKDELETE,
      transaction,
    });
  const removed = await remove('cWaferEndpoint', 'name');
  await remove('cWaferEndpointLane', 'endpoint');
  await remove('cWaferDeadLetter', 'endpoint');
  return removed === 1;
}

const columnOf: Readonly<Record<keyof EndpointColumns, string>> = {
  url: 'url',
  apps: 'apps',
  events: 'events',
  isEnabled: 'enabled',
  secret: 'secret',
  previousSecret: 'previous_secret',
  previousSecretUntil: 'previous_secret_until',
};

function assign(columns: EndpointColumns): string {
  return (Object.keys(columns) as (keyof EndpointColumns)[]).map((key) => `${columnOf[key]} = :${key}`).join(', ');
}

function toValues(columns: EndpointColumns): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(columns).map(([key, value]) => [
      key,
      Array.isArray(value) ? JSON.stringify(value) : typeof value === 'boolean' ? Number(value) : value,
    ]),
  );
}
