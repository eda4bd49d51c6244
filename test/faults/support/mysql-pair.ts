import { join } from 'node:path';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { getBinary } from '../../../apps/local/servers/binaries.ts';
import { isMariadb } from '../../../apps/local/servers/mariadb-data.ts';
import { startMariadb } from '../../../apps/local/servers/mariadb.ts';
import { migrate } from '../../../shared/store/migrate.ts';
import type { OnClose } from '../../support/closing.ts';
import { ensureServers } from '../../support/redis-server.ts';
import { testAppid, testSecret } from '../../support/stack.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { createTemporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';
import type { MovingAddress } from './redis-pair.ts';

/** A primary with a replica behind one address; it runs SQL as root on the primary of the moment. */
export interface MysqlPair extends MovingAddress {
  query<Row>(sql: string, values?: unknown[]): Promise<Row[]>;
}

interface Member {
  readonly port: number;
  readonly root: Connection;
}

/** Replication in the words of either server. */
const words = isMariadb(getBinary('mariadbd'))
  ? {
      args: ['--log-slave-updates', '--gtid-strict-mode=0'],
      forget: 'reset master',
      follow: (port: number) =>
        `change master to master_host = '127.0.0.1', master_port = ${port}, master_user = 'repl', master_password = 'repl',
           master_use_gtid = current_pos`,
      start: 'start slave',
      stop: 'stop slave',
      position: '@@gtid_current_pos',
    }
  : {
      args: ['--log-replica-updates', '--gtid-mode=ON', '--enforce-gtid-consistency=ON'],
      forget: 'reset binary logs and gtids',
      follow: (port: number) =>
        `change replication source to source_host = '127.0.0.1', source_port = ${port}, source_user = 'repl',
           source_password = 'repl', source_auto_position = 1, get_source_public_key = 1`,
      start: 'start replica',
      stop: 'stop replica',
      position: '@@gtid_executed',
    };

export async function startMysqlPair(onClose: OnClose): Promise<MysqlPair> {
  await ensureServers(['mariadb']);
  const folder = await createTemporaryFolder('mysql-pair');
  onClose(folder.remove);
  let url = '';
  const start = async (id: number): Promise<Member> => {
    const args = ['--log-bin=binlog', `--server-id=${id}`, ...words.args];
    const server = await startMariadb({ dir: join(folder.path, String(id)), ephemeral: true, args });
    onClose(() => server.stop());
    const root = await createConnection({ uri: server.adminUrl });
    onClose(async () => root.destroy());
    if (id === 1) ({ url } = server);
    else {
      // Both servers are one to the programs, so they have one password.
      const { password } = new URL(url);
      await root.query(`alter user wafer@'127.0.0.1' identified by '${password}'`);
    }
    await root.query("create user repl@'127.0.0.1' identified by 'repl'");
    await root.query("grant replication slave on *.* to repl@'127.0.0.1'");
    await root.query(words.forget);
    return { port: server.port, root };
  };
  let [primary, replica] = [await start(1), await start(2)];
  const follow = async (member: Member, source: Member) => {
    await member.root.query('set global read_only = 1');
    await member.root.query(words.follow(source.port));
    await member.root.query(words.start);
  };
  const positionOf = async ({ root }: Member) => {
    const [[row]] = await root.query<RowDataPacket[]>(`select ${words.position} as position`);
    return String(row?.['position']);
  };
  await follow(replica, primary);
  const proxy = await startTcpProxy({ port: primary.port, onClose });
  await migrate({ databaseUrl: url });
  await primary.root.query('use cAuth');
  await primary.root.query('insert into cAppinfo set appid = ?, secret = ?', [testAppid, testSecret]);
  const inStep = () =>
    until('the replica is in step', async () => (await positionOf(replica)) === (await positionOf(primary)), 20_000);
  await inStep();
  await replica.root.query('use cAuth');
  const address = new URL(url);
  address.port = String(proxy.port);
  return {
    url: address.href,
    async move() {
      await primary.root.query('set global read_only = 1');
      await inStep();
      await replica.root.query(words.stop);
      await replica.root.query('set global read_only = 0');
      [primary, replica] = [replica, primary];
      await follow(replica, primary);
      proxy.lead(primary.port);
    },
    async query<Row>(sql: string, values: unknown[] = []) {
      const [rows] = await primary.root.query(sql, values);
      return rows as Row[];
    },
  };
}
