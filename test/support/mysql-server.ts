import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { isMariadb } from '../../apps/local/servers/mariadb-data.ts';
import { startMariadb } from '../../apps/local/servers/mariadb.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

export interface MysqlServer {
  /** root, without a database. */
  readonly adminUrl: string;
  readonly close: () => Promise<void>;
}

/** A MySQL that is none of MariaDB: that of TEST_MYSQL_URL (root's), or a private one of the first such mysqld on the PATH. */
export function findMysql(): { start: () => Promise<MysqlServer> } | undefined {
  const url = process.env['TEST_MYSQL_URL'];
  if (url !== undefined) return { start: async () => ({ adminUrl: url, close: async () => {} }) };
  const binary = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
    .map((folder) => join(folder, 'mysqld'))
    .find((path) => existsSync(path) && !isMariadb(path));
  return binary === undefined ? undefined : { start: () => startPrivate(binary) };
}

async function startPrivate(binary: string): Promise<MysqlServer> {
  const folder = await createTemporaryFolder('mysql');
  try {
    const server = await startMariadb({ dir: join(folder.path, 'mysql'), ephemeral: true, binary });
    const close = async () => {
      await server.stop();
      await folder.remove();
    };
    return { adminUrl: server.adminUrl, close };
  } catch (error) {
    await folder.remove();
    throw error;
  }
}
