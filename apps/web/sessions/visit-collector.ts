import type { SessionTimes } from '../../../shared/session/expiry.ts';
import type { Session } from '../../../shared/session/session.ts';
import { encodeVisit, type Visit, type VisitLog } from '../../../shared/session/visit-log.ts';

/** Collects visits in the process and hands them to the visit log several times a second. */
export interface VisitCollector {
  /**
   * A session was used now.
   * @param session as it was read, without visits since: its last_visit_time is what the visit is based on
   */
  record(id: string, session: Session, nowSeconds: number): void;
  /** The last visit of this row that the log has not got yet. */
  latest(row: number): Visit | undefined;
  /** How many visits the log has not got yet. */
  pending(): number;
  close(): Promise<void>;
}

const flushIntervalMs = 200;
/** Visits in one call of the log. */
const batchSize = 1000;
/** Handed-over visits are kept for this long, to add them again if Redis comes back empty. By then they are in MySQL. */
const keepMs = 15_000;
/** While Redis is away visits pile up; past this the oldest are given up, which at worst ends a session early by that visit. */
const maxPending = 500_000;

export function createVisitCollector(visitLog: VisitLog): VisitCollector {
  let pending = new Map<number, Visit>();
  /** On its way to the log. */
  let sending = new Map<number, Visit>();
  /** As text: hundreds of thousands of objects would keep the garbage collector busy. */
  let handedOver: { readonly at: number; readonly visits: readonly string[] }[] = [];
  let timer: NodeJS.Timeout | undefined;
  let flushing: Promise<void> | undefined;

  const latest = (row: number) => pending.get(row) ?? sending.get(row);

  const send = async (visits: readonly string[]): Promise<void> => {
    for (let start = 0; start < visits.length; start += batchSize) {
      const batch = visits.slice(start, start + batchSize);
      const isAlive = await visitLog.add(batch);
      const again = isAlive ? [] : handedOver.flatMap((earlier) => earlier.visits);
      const now = performance.now();
      handedOver = handedOver.filter(({ at }) => now - at < keepMs);
      handedOver.push({ at: now, visits: batch });
      // Empty: what it had been told lately is told again.
      for (let from = 0; from < again.length; from += batchSize)
        await visitLog.add(again.slice(from, from + batchSize));
    }
  };

  const flush = async (): Promise<void> => {
    sending = pending;
    pending = new Map();
    try {
      await send(Array.from(sending.values(), encodeVisit));
    } catch (error) {
      // The log takes the later of two visits, so what got through before the failure may come again.
      for (const [row, visit] of sending) if (!pending.has(row)) pending.set(row, visit);
      throw error;
    } finally {
      sending = new Map();
    }
  };

  const schedule = (): void => {
    if (timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      flushing ??= flush()
        .catch(() => undefined)
        .finally(() => {
          flushing = undefined;
          if (pending.size > 0) schedule();
        });
    }, flushIntervalMs);
    timer.unref();
  };

  return {
    record(id, session, nowSeconds) {
      const { row, lastVisitTime } = session;
      const known = latest(row);
      if (nowSeconds <= lastVisitTime) return;
      if (known !== undefined && known.time >= nowSeconds && known.base >= lastVisitTime) return;
      if (pending.size >= maxPending) pending.delete(pending.keys().next().value as number);
      pending.set(row, { row, id, time: nowSeconds, base: lastVisitTime });
      schedule();
    },
    latest,
    pending: () => pending.size + sending.size,
    async close() {
      clearTimeout(timer);
      await flushing;
      await flush();
    },
  };
}

/** A visit counts unless the row's last_visit_time was set back, by hand, to before what the visit was based on. */
export function applyVisit<Times extends SessionTimes>(session: Times, visit: Visit | undefined): Times {
  if (visit === undefined || session.lastVisitTime < visit.base || visit.time <= session.lastVisitTime) return session;
  return { ...session, lastVisitTime: visit.time };
}
