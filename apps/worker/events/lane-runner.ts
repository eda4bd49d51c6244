import { QueryTypes, type Sequelize } from 'sequelize';
import type { ForgetOrder } from '../../../shared/erasure/forget-order.ts';
import { readDeadLetters, type DeadLetter } from '../../../shared/events/dead-letters.ts';
import type { EventDemand } from './demand.ts';
import {
  endpointSecretPlace,
  previousEndpointSecretPlace,
  type Endpoint,
  type StoredSecrets,
} from '../../../shared/events/endpoint-store.ts';
import { isWanted, type StoredEvent } from '../../../shared/events/event.ts';
import { movePlace, readLane, readPlace } from '../../../shared/events/event-log.ts';
import type { EventsJob } from '../../../shared/events/queue.ts';
import { noteWaiting } from '../../../shared/events/waiting.ts';
import type { EventSender, Target } from '../../../shared/events/send.ts';
import type { ColumnCipher } from '../../../shared/keys/column-cipher.ts';
import type { WorkerMetrics } from '../metrics.ts';
import { buryOld, isTooLate } from './bury-old.ts';
import type { EndpointHealth } from './endpoint-health.ts';
import { createInHand } from './in-hand.ts';

/** Sends what is due in a lane of an endpoint. */
export interface LaneRunner {
  /** @throws if the endpoint did not take an event: this one and those after it are to be tried again later */
  run(job: EventsJob): Promise<void>;
  /** Of what is in hand nothing more is sent that is about these users. */
  forget(order: ForgetOrder): void;
}

/** How many events may be sent twice if this process is killed. */
const eventsPerBatch = 20;
const batchMs = 1000;
/** Then another job goes on, in whichever worker. */
const runMs = 10_000;
/** An endpoint that takes none of so many letters one after another is not asked for the rest. */
const lettersUntilTired = 5;

type LiveEndpoint = Endpoint & StoredSecrets;

export function createLaneRunner(deps: {
  readonly sequelize: Sequelize;
  readonly cipher: ColumnCipher;
  readonly demand: EventDemand;
  readonly sender: EventSender;
  readonly health: EndpointHealth;
  readonly metrics: WorkerMetrics;
  readonly signal: AbortSignal;
}): LaneRunner {
  const { sequelize, cipher, demand, sender, health, metrics, signal } = deps;
  const inHand = createInHand();

  const targetOf = ({ name, url, secret, previousSecret, previousSecretUntil }: LiveEndpoint): Target => ({
    url,
    secrets: [
      cipher.open(endpointSecretPlace(name), secret),
      ...(previousSecret !== null && (previousSecretUntil ?? 0) > Date.now()
        ? [cipher.open(previousEndpointSecretPlace(name), previousSecret)]
        : []),
    ],
  });

  const send = async (endpoint: LiveEndpoint, target: Target, event: StoredEvent): Promise<string | undefined> => {
    const { isDelivered, answer, tookMs } = await sender.send(target, event);
    if (signal.aborted && !isDelivered) return 'stopped';
    metrics.sentEvent(endpoint.name, isDelivered ? 'delivered' : 'failed', tookMs / 1000);
    health.note(endpoint, isDelivered ? undefined : answer);
    return isDelivered ? undefined : answer;
  };

  /** @returns how far it came, and the event that the endpoint did not take */
  const sendBatch = async (endpoint: LiveEndpoint, from: number, events: StoredEvent[]) => {
    const target = targetOf(endpoint);
    const startedAt = performance.now();
    let done = from;
    // By index: what is forgotten meanwhile is blank when its turn comes.
    for (let index = 0; index < events.length; index++) {
      const event = events[index] as StoredEvent;
      if (signal.aborted || performance.now() - startedAt > batchMs) break;
      if (isWanted(endpoint, event)) {
        const failure = await send(endpoint, target, event);
        if (failure !== undefined) return { done, refused: { id: event.id, failure } };
      }
      done = event.id;
    }
    return { done };
  };

  const runLane = async (name: string, lane: number): Promise<void> => {
    const startedAt = performance.now();
    while (!signal.aborted && performance.now() - startedAt < runMs) {
      const endpoint = (await demand.endpoints()).get(name);
      const from = await readPlace(sequelize, name, lane);
      if (endpoint === undefined || from === undefined) return;
      const bury = (failure: string) => buryOld(sequelize, endpoint, lane, failure, metrics.buriedEvents);
      const step = await inHand.hold(
        () => readLane(sequelize, lane, from, eventsPerBatch),
        async (events) => {
          const [first] = events;
          if (first === undefined) return 'nothing';
          return isTooLate(first) ? 'late' : sendBatch(endpoint, from, events);
        },
      );
      if (step === 'nothing') return;
      if (step === 'late') {
        await bury('too late: the endpoint is too slow');
        continue;
      }
      const { done, refused } = step;
      if (done > from) await movePlace(sequelize, { endpoint: name, lane, from, to: done });
      if (refused === undefined) continue;
      if (signal.aborted) return;
      await noteWaiting(sequelize, { endpoint: name, lane, after: done, ...refused });
      await bury(refused.failure);
      // Buried, or skipped by somebody meanwhile: the next one need not wait.
      if ((await readPlace(sequelize, name, lane)) !== done) continue;
      throw new Error(refused.failure);
    }
  };

  const sendLetters = async (endpoint: LiveEndpoint, letters: DeadLetter[], failuresBefore: number) => {
    const target = targetOf(endpoint);
    let failuresInTurn = failuresBefore;
    for (let index = 0; index < letters.length && !signal.aborted; index++) {
      const { letter, ...event } = letters[index] as DeadLetter;
      // Of a person who was erased meanwhile: the letter is gone.
      if (event.event === '') continue;
      const failure = await send(endpoint, target, event);
      failuresInTurn = failure === undefined ? 0 : failuresInTurn + 1;
      await settleLetter(sequelize, letter, failure);
    }
    return failuresInTurn;
  };

  const runLetters = async (name: string): Promise<void> => {
    let failuresInTurn: number | undefined = 0;
    while (!signal.aborted && failuresInTurn !== undefined) {
      const endpoint = (await demand.endpoints()).get(name);
      const failures: number = failuresInTurn;
      failuresInTurn = await inHand.hold(
        () => readDeadLetters(sequelize, { endpoint: name, limit: eventsPerBatch, onlyAgain: true }),
        async (letters) => {
          if (letters.length === 0) return undefined;
          if (endpoint !== undefined && failures < lettersUntilTired) return sendLetters(endpoint, letters, failures);
          await putBack(sequelize, name);
          return undefined;
        },
      );
    }
  };

  return {
    run: ({ endpoint, lane }) => (lane === 'dead' ? runLetters(endpoint) : runLane(endpoint, lane)),
    forget: (order) => inHand.forget(order),
  };
}

async function settleLetter(sequelize: Sequelize, letter: number, failure: string | undefined): Promise<void> {
  if (failure === undefined)
    await sequelize.query('delete from cWaferDeadLetter where id = :letter', {
      replacements: { letter },
      type: QueryTypes.BULKDELETE,
    });
  else
    await sequelize.query('update cWaferDeadLetter set again = 0, failure = :failure where id = :letter', {
      replacements: { letter, failure },
      type: QueryTypes.UPDATE,
    });
}

async function putBack(sequelize: Sequelize, endpoint: string): Promise<void> {
  await sequelize.query('update cWaferDeadLetter set again = 0 where again = 1 and endpoint = :endpoint', {
    replacements: { endpoint },
    type: QueryTypes.UPDATE,
  });
}
