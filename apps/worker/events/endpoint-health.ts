import { QueryTypes, type Sequelize } from 'sequelize';
import type { Endpoint } from '../../../shared/events/endpoint-store.ts';
import type { Log } from '../../../shared/log/log.ts';

/** What is told of endpoints in MySQL, for the doctor and those who look. */
export interface EndpointHealth {
  /** @param failure undefined: it took the event */
  note(endpoint: Pick<Endpoint, 'name' | 'failingSince'>, failure: string | undefined): void;
}

/** What stays as it is is written so often. */
const intervalMs = 5000;

export function createEndpointHealth(sequelize: Sequelize, log: Log): EndpointHealth {
  const noted = new Map<string, { readonly failure: string | undefined; readonly at: number }>();
  const write = (name: string, failure: string | undefined): Promise<unknown> =>
    sequelize.query(
      failure === undefined
        ? 'update cWaferEndpoint set delivered_at = :now, failing_since = null, failure = null where name = :name'
        : `update cWaferEndpoint set failing_since = coalesce(failing_since, :now), failure = :failure where name = :name`,
      { replacements: { name, now: Date.now(), failure: failure?.slice(0, 100) ?? null }, type: QueryTypes.UPDATE },
    );
  return {
    note({ name, failingSince }, failure) {
      const last = noted.get(name);
      const isNews = last === undefined ? failure !== undefined || failingSince !== null : last.failure !== failure;
      if (!isNews && performance.now() - (last?.at ?? Number.NEGATIVE_INFINITY) < intervalMs) return;
      noted.set(name, { failure, at: performance.now() });
      // What could not be written is, with the next event.
      write(name, failure).catch(() => noted.delete(name));
      if (!isNews) return;
      if (failure === undefined) log.info({ endpoint: name }, 'the endpoint takes events again');
      else log.warn({ endpoint: name, failure }, 'the endpoint does not take events');
    },
  };
}
