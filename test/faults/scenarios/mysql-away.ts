import { createConnection as openConnection } from 'mysql2';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';

import type { Load } from '../support/load.ts';
import { alwaysHolds, describeErrors, must, mustWithin, recoversWithin, type Fault } from '../support/fault.ts';
import { countLostVisits } from '../support/rows.ts';
import type { Site } from '../support/site.ts';
import { errorCount } from '../support/tally.ts';

/** MySQL takes no log-ins for a while. */
function away(
  name: string,
  title: string,
  outage: (site: Site, load: Load, outageMs: number) => Promise<void>,
  { countsVisits = false } = {},
): Fault {
  return {
    name,
    title,
    holds: 'cached sessions are accepted, log-ins get 1006 and work again',
    async run({ site: getSite, underLoad, lengths }) {
      const site = await getSite();
      const seen = await underLoad(site, (load) => outage(site, load, lengths.outageMs));
      const { login } = seen.tally.counts;
      const others = [...login.during.errors.keys()].filter((code) => !code.startsWith('1006 '));
      const lost = countsVisits ? await countLostVisits(site, seen.users) : 0;
      return {
        ...seen,
        checks: [
          ...alwaysHolds(seen),
          must('log-ins fail meanwhile', errorCount(login.during) > 0, describeErrors(login.during.errors)),
          must('every log-in that fails meanwhile gets 1006', others.length === 0, others.join()),
          mustWithin('a log-in is answered, while MySQL is gone,', 2000, login.during.slowestMs),
          must('no visit is lost', lost === 0, `${lost} lost`),
          ...recoversWithin(5000, seen),
        ],
      };
    },
  };
}

export const mysqlKilled = away(
  'mysql-killed',
  'MySQL killed',
  async (site, load, outageMs) => {
    await site.mysql.kill();
    await load.last(outageMs);
    await site.mysql.start();
  },
  { countsVisits: true },
);

export const mysqlBlackHoled = away(
  'mysql-black-holed',
  'MySQL black-holed; afterwards its old connections stay dead',
  async (site, load, outageMs) => {
    await site.mysql.proxy.blackHole();
    await load.last(outageMs);
    await site.mysql.proxy.passNewOnes();
  },
  { countsVisits: true },
);

export const mysqlReadOnly = away('mysql-read-only', 'MySQL read-only', async (site, load, outageMs) => {
  await site.mysql.query('set global read_only = 1');
  try {
    await load.last(outageMs);
  } finally {
    await site.mysql.query('set global read_only = 0');
  }
});

const fewConnections = 10;

type Taken = ReturnType<typeof openConnection>;

export const mysqlFull = away('mysql-full', 'MySQL with too many connections', async (site, load, outageMs) => {
  const admin = await createConnection(site.mysql.adminUrl);
  const taken: Taken[] = [];
  const [[before]] = (await admin.query('select @@global.max_connections most')) as unknown as [{ most: number }[]];
  try {
    await admin.query(`set global max_connections = ${fewConnections}`);
    // One is the administrator's.
    while (taken.length < fewConnections - 1) {
      await endOthers(admin, taken);
      // The programs come back too: whoever is quicker gets the place that became free.
      const connection = await take(site.mysql.url);
      if (connection !== undefined) taken.push(connection);
    }
    await load.last(outageMs);
  } finally {
    taken.forEach((connection) => connection.destroy());
    await admin.query(`set global max_connections = ${before?.most ?? 500}`);
    admin.destroy();
  }
});

/** Undefined if there was no place; then nothing of the attempt stays open. */
async function take(url: string): Promise<Taken | undefined> {
  const connection = openConnection(url);
  connection.on('error', () => {});
  return new Promise((resolve) => {
    connection.connect((error) => {
      if (error === null) return resolve(connection);
      connection.destroy();
      resolve(undefined);
    });
  });
}

async function endOthers(admin: Connection, ours: readonly Taken[]): Promise<void> {
  const [sessions] = await admin.query<RowDataPacket[]>('show processlist');
  const others = sessions.filter(
    ({ User: user, Id: id }) => user === 'wafer' && !ours.some(({ threadId }) => threadId === id),
  );
  for (const { Id: id } of others) await admin.query(`kill ${id}`).catch(() => undefined);
}

const visitsWrittenAfterMs = 9000;
/** The newest sessions: those whose visits are due, at any rate of the load. */
const lockedAtMost = 4000;
/** A step is over soon: a row that is locked for seconds is another fault. */
const lockedPerStep = 100;

export const mysqlDeadlocks: Fault = {
  name: 'mysql-deadlocks',
  title: 'MySQL with deadlocks',
  holds: 'log-ins fail clearly at worst, and checks go on',
  async run({ site: getSite, underLoad, lengths }) {
    const site = await getSite();
    const readCount = async () =>
      Number((await site.mysql.query<{ Value: string }>("show global status like 'Innodb_deadlocks'"))[0]?.Value ?? 0);
    const before = await readCount();
    const seen = await underLoad(site, async (load) => {
      // Visits are written when they are that old, and only then there is something to meet.
      await load.last(visitsWrittenAfterMs);
      const tormentor = await createConnection(site.mysql.url);
      const endAt = performance.now() + lengths.outageMs;
      try {
        while (performance.now() < endAt) await lockBackwards(tormentor).catch(() => undefined);
      } finally {
        tormentor.destroy();
      }
      await load.last(0);
    });
    const deadlocks = (await readCount()) - before;
    const lost = await countLostVisits(site, seen.users);
    return {
      ...seen,
      checks: [
        ...alwaysHolds(seen),
        must('deadlocks happened', deadlocks > 0, deadlocks),
        must('no visit is lost', lost === 0, `${lost} lost`),
        ...recoversWithin(5000, seen),
      ],
    };
  },
};

/** Everybody else takes rows in the order of the primary key. This takes them the other way round, and many, so that the others are rolled back. */
async function lockBackwards(connection: Connection): Promise<void> {
  const [rows] = await connection.query(`select id from cSessionInfo order by id desc limit ${lockedAtMost}`);
  const ids = (rows as { id: number }[]).map(({ id }) => id);
  try {
    await connection.beginTransaction();
    for (let start = 0; start < ids.length; start += lockedPerStep) {
      const step = ids.slice(start, start + lockedPerStep);
      await connection.query("update cSessionInfo set union_id = 'to be rolled back' where id in (?)", [step]);
    }
  } finally {
    await connection.rollback();
  }
}
