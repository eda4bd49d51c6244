import type { ColumnCipher } from '../../keys/column-cipher.ts';
import type { OpenDatabase } from '../stores.ts';
import {
  countOthers,
  countSecrets,
  countSessionKeys,
  missingVersions,
  sampleSessionKeys,
  type SessionKeyCounts,
  type VersionCounts,
} from './count-versions.ts';
import { findWrongKeys, type WrongKeys } from './wrong-keys.ts';

/** Values at rest by the version of their key, and whether what is configured here reads them. */
export interface KeysStatus extends SessionKeyCounts {
  /** The version with which new values are written, or `plain`. */
  readonly writes: number | 'plain';
  /** Versions that are configured. */
  readonly keys: readonly number[];
  readonly secrets: VersionCounts;
  /** Versions that stand in the database and are not configured. */
  readonly missing: readonly number[];
  readonly wrong: WrongKeys;
  /** Values that are not as they would be written now. */
  readonly others: number;
}

/** @param isSample looks at the oldest and newest sessions alone, which takes no time on a table of any size */
export async function readKeysStatus(
  { sequelize, appInfo }: Pick<OpenDatabase, 'sequelize' | 'appInfo'>,
  cipher: ColumnCipher,
  { isSample = false } = {},
): Promise<KeysStatus> {
  const { keys: ring } = cipher;
  const wrong = await findWrongKeys(sequelize, appInfo, cipher);
  const secrets = await countSecrets(sequelize);
  const counts = await (isSample ? sampleSessionKeys(sequelize) : countSessionKeys(sequelize));
  const all = [secrets, counts.sessionKeys, counts.formerKeys];
  return {
    ...counts,
    writes: ring.writes ?? 'plain',
    keys: [...ring.keys.keys()],
    secrets,
    missing: [...new Set(all.flatMap((each) => missingVersions(each, ring.keys)))].map(Number),
    wrong,
    others: all.reduce((sum, each) => sum + countOthers(each, ring.writes), 0),
  };
}
