import type { SessionTimes } from '../../../shared/session/expiry.ts';
import type { Session } from '../../../shared/session/session.ts';
import { encodeVisits, type Visit, type VisitLog } from '../../../shared/session/visit-log.ts';
import { createVisitedRows, createVisitList } from './visit-numbers.ts';

/** Collects visits in the process and hands them to the visit log several times a second. */
export interface VisitCollector {
  /**
   * A session was used now.
   * @param session as it was read, without visits since: its last_visit_time is what the visit is based on
   */
  record(session: Session, nowSeconds: number): void;
  /** The last visit of this row that the log may not have got yet. Slow: for a session that is about to be refused. */
  latest(row: number): Visit | undefined;
  /** How many visits the log has not got yet. */
  pending(): number;
  close(): Promise<void>;
}

/** How long a visit stays in the process, at most, while Redis answers. */
export const visitFlushMs = 200;
/** Visits in one call of the log. With four times as many, this process and Redis each stood still for milliseconds, and checks with them. */
const batchSize = 250;
/** Handed-over visits are kept for this long, to add them again if Redis comes back empty. By then they are in MySQL. */
const keepMs = 15_000;
/** While Redis is away visits pile up; past this the oldest are given up, which at worst ends a session early by that visit. */
const maxPending = 500_000;

export function createVisitCollector(visitLog: VisitLog): VisitCollector {
  let second = 0;
  /** In this second, handed over or not. */
  const visited = createVisitedRows();
  /** Not handed over yet. */
  const fresh = createVisitList();
  /** Of before, not handed over yet: Redis is away, or slow. */
  let backlog = new Map<number, Visit>();
  /** On its way to the log. */
  let sending: readonly Visit[] = [];
  /** As bytes: what is kept for so long would else be moved, and then left to a full collection, by the garbage collector. */
  let handedOver: { readonly at: number; readonly texts: readonly Buffer[] }[] = [];
  let timer: NodeJS.Timeout | undefined;
  let flushing: Promise<void> | undefined;

  const send = async (visits: readonly Visit[]): Promise<void> => {
    for (let start = 0; start < visits.length; start += batchSize) {
      const batch = encodeVisits(visits.slice(start, start + batchSize));
      const isAlive = await visitLog.add(batch);
      const earlier = handedOver;
      const now = performance.now();
      handedOver = handedOver.filter(({ at }) => now - at < keepMs);
      handedOver.push({ at: now, texts: batch.map((text) => Buffer.from(text, 'latin1')) });
      // Empty: what it had been told lately is told again.
      if (!isAlive) for (const { texts } of earlier) await visitLog.add(texts.map((text) => text.toString('latin1')));
    }
  };

  const keepBack = (earlier: Iterable<Visit>, later: Iterable<Visit>): void => {
    backlog = new Map();
    for (const visits of [earlier, later])
      for (const visit of visits) {
        // From its place among the older ones, too.
        backlog.delete(visit.row);
        backlog.set(visit.row, visit);
      }
    for (const row of backlog.keys()) {
      if (backlog.size <= maxPending) break;
      backlog.delete(row);
    }
  };

  const flush = async (): Promise<void> => {
    sending = [...backlog.values(), ...fresh.drain()];
    backlog = new Map();
    try {
      await send(sending);
    } catch (error) {
      // The log takes the later of two visits, so what got through before the failure may come again.
      keepBack(sending, backlog.values());
      throw error;
    } finally {
      sending = [];
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
          if (backlog.size + fresh.size() > 0) schedule();
        });
    }, visitFlushMs);
    timer.unref();
  };

  return {
    record({ row, lastVisitTime }, nowSeconds) {
      if (nowSeconds <= lastVisitTime) return;
      if (nowSeconds !== second) {
        second = nowSeconds;
        visited.clear();
      }
      const base = visited.baseOf(row);
      // Unless the row was set back by hand since: then the earlier visit is void.
      if (base !== undefined && base <= lastVisitTime) return;
      visited.set(row, lastVisitTime);
      fresh.push(row, nowSeconds, lastVisitTime);
      if (fresh.size() >= maxPending) keepBack(backlog.values(), fresh.drain());
      schedule();
    },
    latest(row) {
      const base = visited.baseOf(row);
      if (base !== undefined) return { row, time: second, base };
      return fresh.findLast(row) ?? sending.findLast((visit) => visit.row === row) ?? backlog.get(row);
    },
    pending: () => backlog.size + sending.length + fresh.size(),
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
