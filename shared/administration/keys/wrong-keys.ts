import { QueryTypes, type Sequelize } from 'sequelize';
import {
  formerKeysPlace,
  sealedVersion,
  sessionKeyPlace,
  UnreadableValueError,
  type ColumnCipher,
} from '../../keys/column-cipher.ts';
import { readAppsWithSecrets } from '../../store/app-reader.ts';
import type { AppInfo } from '../../store/models.ts';
import { toPlainText } from '../../log/plain-text.ts';
import type { KeyRow } from './convert-sessions.ts';

/** Values whose number is known here and that do not open all the same. */
export interface WrongKeys {
  readonly apps: readonly string[];
  /** Rows of sessions, of the sample. */
  readonly rows: readonly number[];
  /** How many sessions were opened: the oldest and the newest. */
  readonly opened: number;
}

const sampleRows = 200;

/** Opens every app's secret, and the session_keys of the oldest and newest rows: a number alone does not tell the key. */
export async function findWrongKeys(sequelize: Sequelize, appInfo: AppInfo, cipher: ColumnCipher): Promise<WrongKeys> {
  const apps = await readAppsWithSecrets(appInfo, cipher);
  const select = (direction: 'asc' | 'desc') =>
    `(select id, appid, open_id, session_key, former_keys from cSessionInfo order by id ${direction} limit ${sampleRows})`;
  const sample = await sequelize.query<KeyRow>(`${select('asc')} union ${select('desc')}`, { type: QueryTypes.SELECT });
  const isKnown = (stored: string | null) => cipher.keys.keys.has(sealedVersion(stored ?? '') ?? 0);
  const sealed = sample.filter((row) => isKnown(row.session_key) || isKnown(row.former_keys));
  return {
    apps: apps.filter(({ secretFault }) => secretFault === 'ciphertext_invalid').map(({ appid }) => appid),
    rows: sealed.filter((row) => isWrong(cipher, row)).map(({ id }) => id),
    opened: sealed.length,
  };
}

/** Whether a value does not open though its number is known. */
function isWrong(
  cipher: ColumnCipher,
  { appid, open_id: openId, session_key: stored, former_keys: former }: KeyRow,
): boolean {
  try {
    cipher.open(sessionKeyPlace(appid, openId), stored);
    cipher.open(formerKeysPlace(appid, openId), former ?? '');
    return false;
  } catch (error) {
    if (error instanceof UnreadableValueError) return error.fault === 'ciphertext_invalid';
    throw error;
  }
}

export function describeWrong({ apps, rows, opened }: WrongKeys): string[] {
  if (apps.length === 0 && rows.length === 0) return [];
  return [
    ...(apps.length > 0 ? [`The secrets of these apps do not open: ${apps.map(toPlainText).join(', ')}`] : []),
    ...(rows.length > 0
      ? [`${rows.length} of ${opened} session_keys that were tried do not open, such as that of row ${rows[0]}`]
      : []),
    'Another key bears that number here than the one that encrypted them, or they were changed. A new key needs a new number (docs/production.md, "Lost keys").',
  ];
}
