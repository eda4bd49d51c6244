import type { Session } from '../../../shared/session/session.ts';
import type { Visit, VisitLog } from '../../../shared/session/visit-log.ts';
import type { SessionTimes } from '../../../shared/session/expiry.ts';

/** Collects visits in the process and hands them to the visit log several times a second. */
export interface VisitCollector {
  /**
   * A session was used now.
   * @param session as it was read, without visits since: its last_visit_time is what the visit is based on
   */
  record(id: string, session: Session, nowSeconds: number): void;
  /** The last visit of this row that this process knows of. */
  latest(row: number): Visit | undefined;
  /** Visits that the log has not got yet. */
  pending(): number;
  close(): Promise<void>;
}

const flushIntervalMs = 200;
const batchSize = 1000;
/** Handed-over visits are kept for one to two of these, to add them again if Redis comes back empty. */
const keepMs = 15_000;
/** While Redis is away visits pile up; past this the oldest are given up, which at worst ends a session early by that visit. */
const maxPending = 500_000;

export function createVisitCollector(visitLog: VisitLog): VisitCollector {
  let pending = new Map<number, Visit>();
  let recent = new Map<number, Visit>();
  let older = new Map<number, Visit>();
  let timer: NodeJS.Timeout | undefined;
  let flushing: Promise<void> | undefined;

  const rotation = setInterval(() => {
    older = recent;
    recent = new Map();
  }, keepMs);
  rotation.unref();

  const latestOf = (row: number) => pending.get(row) ?? recent.get(row) ?? older.get(row);

  const flush = async (): Promise<void> => {
    const batch = [...pending.values()].slice(0, batchSize);
    if (batch.length === 0) return;
    const isAlive = await visitLog.add(batch);
    for (const visit of batch) {
      recent.set(visit.row, visit);
      if (pending.get(visit.row) === visit) pending.delete(visit.row);
    }
    if (!isAlive)
      for (const visit of [...older.values(), ...recent.values()])
        if (!pending.has(visit.row)) pending.set(visit.row, visit);
    if (pending.size >= batchSize) await flush();
  };

  const schedule = (): void => {
    timer ??= setTimeout(() => {
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
      const known = latestOf(session.row);
      if (
        nowSeconds <= session.lastVisitTime ||
        (known !== undefined && known.time >= nowSeconds && known.base >= session.lastVisitTime)
      ) {
        return;
      }
      if (pending.size >= maxPending) pending.delete(pending.keys().next().value as number);
      pending.set(session.row, { row: session.row, id, time: nowSeconds, base: session.lastVisitTime });
      schedule();
    },
    latest: latestOf,
    pending: () => pending.size,
    async close() {
      clearTimeout(timer);
      clearInterval(rotation);
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
