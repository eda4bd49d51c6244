import { randomBytes } from 'node:crypto';

import { sealedVersion } from '../../shared/keys/column-cipher.ts';
import { parseDatabaseUrl } from '../../shared/config/database-url.ts';
import { openMigrationConnection, selectDatabase } from '../../shared/store/migrate/connection.ts';
import type { RowDataPacket } from 'mysql2/promise';

export const demoAppid = 'wxdemo0123456789ab';

export interface ConfiguredApps {
  /** Undefined when apps of somebody's own are configured. */
  demoSecret: string | undefined;
  /** All but the demo app. */
  realAppids: string[];
}

const tableWaitSeconds = 30;

/**
 * Makes sure that there is an app: the demo app if there is none, which goes as soon as there is a real one, or
 * else it might be the one that is chosen.
 */
export async function prepareApps(databaseUrl: string, log: (line: string) => void): Promise<ConfiguredApps> {
  const address = parseDatabaseUrl(databaseUrl);
  const connection = await openMigrationConnection(address, tableWaitSeconds);
  try {
    await selectDatabase(connection, address.database);
    const [rows] = await connection.query<RowDataPacket[]>(
      'select appid, secret, is_default from cAppinfo order by appid',
    );
    const realAppids = rows.map((row) => String(row['appid'])).filter((appid) => appid !== demoAppid);
    const demo = rows.find((row) => row['appid'] === demoAppid);
    if (realAppids.length > 0) {
      if (demo) {
        await connection.query('delete from cAppinfo where appid = ?', [demoAppid]);
        log(`Removed the demo app ${demoAppid}: there is a real one now`);
      }
      const isMarked = rows.some((row) => row['appid'] !== demoAppid && row['is_default'] !== 0);
      if (realAppids.length > 1 && !isMarked)
        log(
          `Requests that name no app are for ${realAppids.at(-1)}. To change that: npx wafer app set <appid> --default`,
        );
      return { demoSecret: undefined, realAppids };
    }
    const stored = demo === undefined ? undefined : String(demo['secret']);
    if (stored !== undefined && sealedVersion(stored) === undefined) return { demoSecret: stored, realAppids };
    const demoSecret = randomBytes(16).toString('hex');
    // One that was encrypted is not worth its key.
    await connection.query('replace into cAppinfo set appid = ?, secret = ?', [demoAppid, demoSecret]);
    log(`No app is configured: added the demo app ${demoAppid}`);
    return { demoSecret, realAppids };
  } finally {
    await connection.end();
  }
}
