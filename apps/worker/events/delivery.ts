import type { Sequelize } from 'sequelize';
import {
  endpointSecretPlace,
  previousEndpointSecretPlace,
  type Endpoint,
  type StoredSecrets,
} from '../../../shared/events/endpoint-store.ts';
import { isWanted, type StoredEvent } from '../../../shared/events/event.ts';
import type { EventSender, Target } from '../../../shared/events/send.ts';
import { noteWaiting } from '../../../shared/events/waiting.ts';
import type { ColumnCipher } from '../../../shared/keys/column-cipher.ts';
import type { WorkerMetrics } from '../metrics.ts';
import { buryOld } from './bury-old.ts';
import type { EndpointHealth } from './endpoint-health.ts';

export type LiveEndpoint = Endpoint & StoredSecrets;

/** An event that an endpoint did not take, and what it did instead. */
export interface Refusal {
  readonly id: number;
  readonly failure: string;
}

/** Sends events to an endpoint, and notes what comes of it. */
export interface Delivery {
  /** @throws if its secret can't be read */
  targetOf(endpoint: LiveEndpoint): Target;
  /** @returns what the endpoint did instead of taking it; undefined: it took it */
  send(endpoint: LiveEndpoint, target: Target, event: StoredEvent): Promise<string | undefined>;
  /**
   * Sends events of a lane one after another, until one is not taken or the batch has taken long enough.
   * @param from how far the lane has come
   * @param events looked at by index when their turn comes: what is forgotten meanwhile is blank then
   * @param turns the indexes of those that are to be sent
   * @returns how far it came, and the event that the endpoint did not take
   */
  sendBatch(
    to: { readonly endpoint: LiveEndpoint; readonly target: Target },
    from: number,
    events: readonly StoredEvent[],
    turns: Iterable<number>,
  ): Promise<{ readonly done: number; readonly refused?: Refusal }>;
  /** Has a lane wait for an event, which is tried again from now on; if it is a day old it is a dead letter instead. */
  noteRefusal(endpoint: LiveEndpoint, lane: number, after: number, refused: Refusal): Promise<void>;
  /** Of a lane whose next event is so old that it would soon be gone: makes dead letters of those that are a day old. */
  buryLate(endpoint: LiveEndpoint, lane: number): Promise<void>;
}

const batchMs = 1000;

export function createDelivery(deps: {
  readonly sequelize: Sequelize;
  readonly cipher: ColumnCipher;
  readonly sender: EventSender;
  readonly health: EndpointHealth;
  readonly metrics: WorkerMetrics;
  readonly signal: AbortSignal;
}): Delivery {
  const { sequelize, cipher, sender, health, metrics, signal } = deps;
  const send: Delivery['send'] = async (endpoint, target, event) => {
    const { isDelivered, answer, tookMs } = await sender.send(target, event);
    if (signal.aborted && !isDelivered) return 'stopped';
    metrics.sentEvent(endpoint.name, isDelivered ? 'delivered' : 'failed', tookMs / 1000);
    health.note(endpoint, isDelivered ? undefined : answer);
    return isDelivered ? undefined : answer;
  };
  return {
    send,
    targetOf: ({ name, url, secret, previousSecret, previousSecretUntil }) => ({
      url,
      secrets: [
        cipher.open(endpointSecretPlace(name), secret),
        ...(previousSecret !== null && (previousSecretUntil ?? 0) > Date.now()
          ? [cipher.open(previousEndpointSecretPlace(name), previousSecret)]
          : []),
      ],
    }),
    async sendBatch({ endpoint, target }, from, events, turns) {
      const startedAt = performance.now();
      let done = from;
      for (const index of turns) {
        const event = events[index] as StoredEvent;
        if (signal.aborted || performance.now() - startedAt > batchMs) break;
        if (isWanted(endpoint, event)) {
          const failure = await send(endpoint, target, event);
          if (failure !== undefined) return { done, refused: { id: event.id, failure } };
        }
        done = event.id;
      }
      return { done };
    },
    async noteRefusal(endpoint, lane, after, refused) {
      await noteWaiting(sequelize, { endpoint: endpoint.name, lane, after, ...refused });
      await buryOld(sequelize, endpoint, lane, refused.failure, metrics.buriedEvents);
    },
    buryLate: (endpoint, lane) =>
      buryOld(sequelize, endpoint, lane, 'too late: the endpoint is too slow', metrics.buriedEvents),
  };
}
