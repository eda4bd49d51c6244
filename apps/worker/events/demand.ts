import { QueryTypes, type Sequelize } from 'sequelize';
import { databaseNowMs } from '../../../shared/store/database-clock.ts';
import { createFreshList } from '../../../shared/store/fresh-list.ts';
import { isWanted, type EventFilter, type EventName } from '../../../shared/events/event.ts';
import { readEndpoints, type Endpoint, type StoredSecrets } from '../../../shared/events/endpoint-store.ts';

/** Which events somebody wants: without any demand nothing is noted. */
export interface EventDemand {
  /** As far as it is known: what has changed since a few seconds is not, unless this process is told to forget. */
  wants(event: EventName, appid: string): boolean;
  /** Whether any event of the app is wanted. */
  wantsAny(appid: string): boolean;
  /** Whether any event is wanted at all, read again if it is old. To be asked before the others are, and every few seconds. */
  isAny(): Promise<boolean>;
  /** The endpoints that are on, to within some seconds. */
  endpoints(): Promise<ReadonlyMap<string, Endpoint & StoredSecrets>>;
  /** Resolves when what is wanted now is known. */
  refresh(): Promise<void>;
}

interface Demand {
  readonly filters: readonly EventFilter[];
  readonly endpoints: ReadonlyMap<string, Endpoint & StoredSecrets>;
}

const everything: EventFilter = { apps: null, events: null };

/** @param onFailure is told of a read that failed; what was known before goes on */
export function createEventDemand(sequelize: Sequelize, onFailure: (error: unknown) => void): EventDemand {
  let known: Demand = { filters: [], endpoints: new Map() };
  const list = createFreshList<(Endpoint & StoredSecrets) | 'stream', Demand>({
    what: 'the endpoints',
    read: () => readListeners(sequelize),
    toView: (listeners) => (known = toDemand(listeners)),
    keepsOnForget: true,
    onFailure,
  });
  /** Those who ask are many and can't wait: an old list is read again behind their backs. */
  const current = (): Demand => {
    const fresh = list.fresh();
    if (fresh === undefined) void list.current().catch(() => undefined);
    return fresh ?? known;
  };
  return {
    wants: (event, appid) => current().filters.some((filter) => isWanted(filter, { event, appid })),
    wantsAny: (appid) => current().filters.some(({ apps }) => apps?.includes(appid) ?? true),
    isAny: async () => (await list.current()).filters.length > 0,
    endpoints: async () => (await list.current()).endpoints,
    refresh: list.reread,
  };
}

function toDemand(listeners: readonly ((Endpoint & StoredSecrets) | 'stream')[]): Demand {
  const endpoints = listeners.filter((each) => each !== 'stream').filter(({ isEnabled }) => isEnabled);
  return {
    filters: listeners.includes('stream') ? [everything] : endpoints,
    endpoints: new Map(endpoints.map((endpoint) => [endpoint.name, endpoint])),
  };
}

async function readListeners(sequelize: Sequelize): Promise<((Endpoint & StoredSecrets) | 'stream')[]> {
  const [endpoints, streams] = await Promise.all([
    readEndpoints(sequelize),
    sequelize.query(`select what from cWaferEventDemand where wanted_until > ${databaseNowMs}`, {
      type: QueryTypes.SELECT,
    }),
  ]);
  return [...endpoints, ...streams.map(() => 'stream' as const)];
}
