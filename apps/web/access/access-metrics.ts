import { Counter, type Registry } from 'prom-client';
import type { RefusedConnection } from '../../../shared/http/guard.ts';
import type { Standing } from '../../../shared/http/places.ts';
import { refusalReasons, type RefusalReason } from './refusal.ts';

/** Who called, and who was not let in. */
export interface AccessMetrics {
  called(caller: string): void;
  refused(reason: RefusalReason): void;
  refusedConnection(standing: Standing, reason: RefusedConnection): void;
}

/** Callers beyond this many share the label `other`: every label value is kept for the life of the process. */
const maxNames = 200;

export function createAccessMetrics(registry: Registry): AccessMetrics {
  const registers = [registry];
  const calls = new Counter({
    name: 'wafer_caller_requests_total',
    help: 'Requests with a caller key, by the name of the caller',
    labelNames: ['caller'],
    registers,
  });
  const refusals = new Counter({
    name: 'wafer_refused_requests_total',
    help: 'Requests that were not let in, by reason',
    labelNames: ['reason'],
    registers,
  });
  for (const reason of refusalReasons) refusals.inc({ reason }, 0);
  const refusedConnections = new Counter({
    name: 'wafer_refused_connections_total',
    help: 'Connections that were ended since their address has enough of them or sent too much, by what the address is',
    labelNames: ['standing', 'reason'],
    registers,
  });
  // Looked up once: finding a metric by its labels costs more than counting.
  const byName = new Map<string, Counter.Internal>();
  return {
    called(caller) {
      let counter = byName.get(caller);
      if (counter === undefined) {
        counter = calls.labels({ caller: byName.size < maxNames ? caller : 'other' });
        byName.set(caller, counter);
      }
      counter.inc();
    },
    refused: (reason) => refusals.labels({ reason }).inc(),
    refusedConnection: (standing, reason) => refusedConnections.labels({ standing, reason }).inc(),
  };
}
