import { createConnection, type Connection } from 'mysql2/promise';

import type { Load } from '../support/load.ts';
import { alwaysHolds, describeErrors, must, mustWithin, recoversWithin, type Fault } from '../support/fault.ts';
import { countLostVisits } from '../support/rows.ts';
import type { Site } from '../support/site.ts';
import { errorCount } from '../support/tally.ts';

/** MySQL takes no log-ins for a while. */
function away(name: string, title: string, outage: (site: Site, load: Load, outageMs: number) => Promise<void>): Fault {
  return {
    name,
    title,
    async run({ site: getSite, underLoad, lengths }) {
      const site = await getSite();
      const seen = await underLoad(site, (load) => outage(site, load, lengths.outageMs));
      const { login } = seen.tally.counts;
      const others = [...login.during.errors.keys()].filter((code) => !code.startsWith('1006 '));
      const lost = await countLostVisits(site, seen.users);
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

export const mysqlKilled = away('mysql-killed', 'MySQL killed', async (site, load, outageMs) => {
  await site.mysql.kill();
  await load.last(outageMs);
  await site.mysql.start();
});

export const mysqlBlackHoled = away(
  'mysql-black-holed',
  'MySQL black-holed; afterwards its old connections stay dead',
  async (site, load, outageMs) => {
    await site.mysql.proxy.blackHole();
    await load.last(outageMs);
    await site.mysql.proxy.passNewOnes();
  },
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

export const mysqlFull = away('mysql-full', 'MySQL with too many connections', async (site, load, outageMs) => {
  const [before] = await site.mysql.query<{ most: number }>('select @@global.max_connections most');
  await site.mysql.query(`set global max_connections = ${fewConnections}`);
  const taken: Connection[] = [];
  try {
    const others = await site.mysql.query<{ id: number }>(
      "select id from information_schema.processlist where user = 'wafer'",
    );
    for (const { id } of others) await site.mysql.query('kill ?', [id]).catch(() => undefined);
    // Taken faster than the programs come back: they wait before they try again.
    for (let full = false; !full;) {
      const connection = await createConnection(site.mysql.url).catch(() => undefined);
      if (connection === undefined) full = true;
      else taken.push(connection);
    }
    await load.last(outageMs);
  } finally {
    taken.forEach((connection) => connection.destroy());
    await site.mysql.query(`set global max_connections = ${before?.most ?? 500}`);
  }
});

const lockedAtOnce = 20;

export const mysqlDeadlocks: Fault = {
  name: 'mysql-deadlocks',
  title: 'MySQL with deadlocks',
  async run({ site: getSite, underLoad, lengths }) {
    const site = await getSite();
    const readCount = async () =>
      Number((await site.mysql.query<{ Value: string }>("show global status like 'Innodb_deadlocks'"))[0]?.Value ?? 0);
    const before = await readCount();
    const seen = await underLoad(site, async (load) => {
      const tormentor = await createConnection(site.mysql.url);
      const endAt = performance.now() + lengths.outageMs;
      try {
        while (performance.now() < endAt) await lockBackwards(tormentor);
      } finally {
        tormentor.destroy();
      }
      await load.last(0);
    });
    const deadlocks = (await readCount()) - before;
    return {
      ...seen,
      checks: [
        ...alwaysHolds(seen),
        must('deadlocks happened', deadlocks > 0, deadlocks),
        ...recoversWithin(5000, seen),
      ],
    };
  },
};

/** The newest rows, from the last to the first and with changes that weigh: whoever meets it there is the one to be rolled back. */
async function lockBackwards(connection: Connection): Promise<void> {
  const [rows] = await connection.query(`select id from cSessionInfo order by id desc limit ${lockedAtOnce}`);
  try {
    await connection.beginTransaction();
    for (const { id } of rows as { id: number }[]) {
      await connection.query('update cSessionInfo set session_key = concat(session_key, ?) where id = ?', ['', id]);
      await connection.query('select id from cSessionInfo where id > ? order by id limit 3 for update', [id]);
    }
    await connection.rollback();
  } catch {
    await connection.rollback();
  }
}
