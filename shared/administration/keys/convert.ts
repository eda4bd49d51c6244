import { BaseError } from 'sequelize';
import type { ColumnCipher } from '../../keys/column-cipher.ts';
import { recordAudit, type Actor } from '../../store/audit.ts';
import { AdministrationFailure } from '../failure.ts';
import type { OpenDatabase } from '../stores.ts';
import { persist } from './persist.ts';
import { convertApps, type ConvertedApps } from './convert-apps.ts';
import { convertOperators } from './convert-operators.ts';
import { convertEndpoints } from './convert-endpoints.ts';
import { ConversionStoppedError, convertSessions, type Conversion } from './convert-sessions.ts';
import {
  countOthers,
  countSecrets,
  countSessionKeys,
  type SessionKeyCounts,
  type VersionCounts,
} from './count-versions.ts';

export interface ConvertOptions {
  readonly actor: Actor;
  /** For the audit log. */
  readonly action: 'keys rotate' | 'keys plain';
  /** Sessions up to this primary key are passed over. */
  readonly after: number;
  readonly rowsPerSecond: number;
  readonly onProgress: (soFar: Conversion) => void;
}

/** Not faster than this unless somebody wants it: others use the same MySQL. */
export const defaultRowsPerSecond = 2000;

/** What a run has done, and what there is after it. */
export interface Converted extends SessionKeyCounts {
  /** `plain`, or the key: `key 2`. */
  readonly target: string;
  readonly apps: ConvertedApps;
  readonly sessions: Conversion;
  readonly secrets: VersionCounts;
  /** Values that are not as the cipher would write them. */
  readonly left: number;
}

/** Writes secrets of apps and endpoints, and session_keys, as the cipher would write them now, then counts what there is. Safe to repeat. */
export async function convertEverything(
  { sequelize, appInfo }: OpenDatabase,
  cipher: ColumnCipher,
  { actor, action, after, rowsPerSecond, onProgress }: ConvertOptions,
): Promise<Converted> {
  const target = cipher.keys.writes === undefined ? 'plain' : `key ${cipher.keys.writes}`;
  const apps = await sequelize.transaction(async (transaction) => {
    const converted = await convertApps(appInfo, cipher, transaction);
    await convertOperators(sequelize, cipher, transaction);
    await convertEndpoints(sequelize, cipher, transaction);
    await recordAudit(sequelize, { actor, action, target, details: { state: 'begun', apps: converted } }, transaction);
    return converted;
  });
  const sessions = await convertSessions(sequelize, cipher, {
    after,
    rowsPerSecond,
    onProgress,
  }).catch((error: unknown) => {
    if (!(error instanceof ConversionStoppedError)) throw error;
    throw new AdministrationFailure(
      'conversion_stopped',
      `The database failed (${codeOf(error.cause)}): ${error.message}. ${explainHalf(action)}`,
      { cause: error },
    );
  });
  const { changed, unreadable } = sessions;
  await recordAudit(sequelize, {
    actor,
    action,
    target,
    details: { state: 'done', sessions: { changed, unreadable } },
  });
  const secrets = await persist(() => countSecrets(sequelize));
  const { sessionKeys, formerKeys } = await persist(() => countSessionKeys(sequelize));
  const left = [secrets, sessionKeys, formerKeys].reduce(
    (sum, counts) => sum + countOthers(counts, cipher.keys.writes),
    0,
  );
  return { target, apps, sessions, secrets, sessionKeys, formerKeys, left };
}

/** What works after a run that stopped half-way, how to go on, how to go back. */
function explainHalf(action: string): string {
  return [
    'Nothing is lost: every process that has all these keys reads what is converted and what is not, so log-ins go on. Remove no key.',
    `To go on, run this again: what is done is passed over. If it stops in the same way, the database's log says what it refuses.`,
    action === 'keys plain'
      ? 'To go back, let WAFER_KEYS begin with a key again, for every worker and here, then: npx wafer keys rotate'
      : 'To go back, let WAFER_KEYS begin with what it began with before (the former key, or "plain" if there was none), for every worker and here, then: npx wafer keys rotate, or keys plain',
  ].join('\n');
}

function codeOf(error: unknown): string {
  const code = (error as { parent?: { code?: string } }).parent?.code;
  return code ?? (error instanceof BaseError ? error.name : 'unknown');
}
