import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { BaseError, type Sequelize } from 'sequelize';
import { renewSessions, type Renewal } from '../../apps/worker/store/session-renewals.ts';
import { writeVisits } from '../../apps/worker/store/visit-writer.ts';
import { nowSeconds } from '../../shared/session/wall-clock.ts';
import { DatabaseSilentError } from '../../shared/store/silence-guard.ts';
import { manyApps } from '../data/many-sessions.ts';

/** As many as a worker writes in one statement when it has enough to do. */
const loginsTogether = 20;
const visitsTogether = 200;
/** After a statement that was given up. */
const pauseMs = 100;

/** Writes of log-ins and visits as workers make them, to rows that are chosen by chance. */
export interface Writers {
  /** Rows a second. */
  logins(seconds: number): Promise<number>;
  visits(seconds: number): Promise<number>;
  /** Both in turn, one statement after the other. `late`: statements that the server did not do in their time. */
  until(isOver: () => boolean): Promise<{ rows: number; longestMs: number; late: number }>;
}

/** @param count of rows, whose primary keys are without large gaps */
export function createWriters(sequelize: Sequelize, count: number): Writers {
  const rows = (howMany: number) => {
    const chosen = new Set<number>();
    while (chosen.size < howMany) chosen.add(1 + Math.floor(Math.random() * count));
    return [...chosen];
  };
  let visitTime = nowSeconds();
  const visit = async () => {
    visitTime++;
    await writeVisits(
      sequelize,
      rows(visitsTogether).map((row) => ({ row, time: visitTime, base: 0 })),
    );
  };
  const logIn = async () => {
    const nowUs = Date.now() * 1000;
    const renewals = rows(loginsTogether).map((row): Renewal => toRenewal(row, nowUs));
    for (const written of await renewSessions(sequelize, renewals)) await written;
  };
  const repeat = async (work: () => Promise<void>, each: number, seconds: number) => {
    const startedAt = performance.now();
    let done = 0;
    while (performance.now() - startedAt < seconds * 1000) {
      try {
        await work();
        done += each;
      } catch (error) {
        refuseOthers(error);
        await sleep(pauseMs);
      }
    }
    return done / ((performance.now() - startedAt) / 1000);
  };
  return {
    logins: (seconds) => repeat(logIn, loginsTogether, seconds),
    visits: (seconds) => repeat(visit, visitsTogether, seconds),
    async until(isOver) {
      const written = { rows: 0, longestMs: 0, late: 0 };
      const timed = async (work: () => Promise<void>, rows: number) => {
        const startedAt = performance.now();
        try {
          await work();
          written.rows += rows;
        } catch (error) {
          refuseOthers(error);
          written.late++;
        }
        written.longestMs = Math.max(written.longestMs, performance.now() - startedAt);
      };
      while (!isOver()) {
        await timed(logIn, loginsTogether);
        await timed(visit, visitsTogether);
      }
      return written;
    },
  };
}

/** What the server did not do in its time was not written; a server that builds keys or writes back its memory may be that slow. */
function refuseOthers(error: unknown): void {
  if (!(error instanceof BaseError || error instanceof DatabaseSilentError)) throw error;
}

function toRenewal(row: number, nowUs: number): Renewal {
  const [appid] = manyApps;
  return {
    kept: {
      row,
      id: '',
      appid,
      skey: '',
      sessionKey: '',
      formerKeys: null,
      fence: 0,
      slot: 0,
      unionId: undefined,
      createTime: 0,
      lastVisitTime: 0,
      storedUserInfo: '',
      profileFence: 0,
      deviceKind: undefined,
    },
    ended: [],
    nowUs,
    write: {
      appid,
      openId: '',
      skey: randomBytes(16).toString('hex'),
      sessionKey: randomBytes(16).toString('base64'),
      formerKeys: undefined,
      unionId: undefined,
      time: nowSeconds(),
      fence: nowUs,
      userInfo: undefined,
      profileFence: nowUs,
      slot: 0,
      previousSkeyUntil: undefined,
      device: undefined,
      clientIp: undefined,
      caller: undefined,
    },
  };
}
