import { Gauge, type Registry } from 'prom-client';
import { placesMetric, placesTakenMetric } from '../../shared/metrics/places.ts';
import type { QueueName } from '../../shared/rpc/contract.ts';

/** Shows how much of what this worker can have in hand it has. @returns adds a queue that it takes calls from */
export function createPlaceGauges(
  registry: Registry,
): (queue: QueueName, places: number, inHand: () => number) => void {
  const queues: { readonly queue: QueueName; readonly places: number; readonly inHand: () => number }[] = [];
  const show = (name: string, help: string, valueOf: (each: (typeof queues)[number]) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['queue'],
      registers: [registry],
      collect() {
        this.reset();
        for (const each of queues) this.inc({ queue: each.queue }, valueOf(each));
      },
    });
  show(placesMetric, 'Calls that workers can have in hand at once', ({ places }) => places);
  show(
    placesTakenMetric,
    'Calls that workers have in hand; more than there are places: the rest waits inside a worker',
    ({ inHand }) => inHand(),
  );
  return (queue, places, inHand) => void queues.push({ queue, places, inHand });
}
