import { toPlainText } from '../../../shared/log/plain-text.ts';
import { BaseError } from 'sequelize';
import type { ColumnCipher } from '../../../shared/keys/column-cipher.ts';
import { recordAudit, type Actor } from '../../../shared/store/audit.ts';
import { CommandFailure, type CommandResult } from '../result.ts';
import type { OpenDatabase } from '../stores.ts';
import { plural } from '../text.ts';
import { persist } from './persist.ts';
import { convertApps } from './convert-apps.ts';
import { ConversionStoppedError, convertSessions, type Conversion } from './convert-sessions.ts';
import { countOthers, countSecrets, countSessionKeys, describeCounts } from './count-versions.ts';

export interface ConvertOptions {
  readonly actor: Actor;
  /** For the audit log. */
  readonly action: string;
  /** Sessions up to this primary key are passed over. */
  readonly after: number;
  readonly rowsPerSecond: number;
  /** Gets a line every two seconds. */
  readonly tell: (line: string) => void;
}

const progressMs = 2000;

/** Writes app secrets and session_keys as the cipher would write them now, then counts what there is. Safe to repeat. */
export async function convertEverything(
  { sequelize, appInfo }: OpenDatabase,
  cipher: ColumnCipher,
  { actor, action, after, rowsPerSecond, tell }: ConvertOptions,
): Promise<CommandResult> {
  const target = cipher.keys.writes === undefined ? 'plain' : `key ${cipher.keys.writes}`;
  const apps = await sequelize.transaction(async (transaction) => {
    const converted = await convertApps(appInfo, cipher, transaction);
    await recordAudit(sequelize, { actor, action, target, details: { state: 'begun', apps: converted } }, transaction);
    return converted;
  });
  const sessions = await convertSessions(sequelize, cipher, {
    after,
    rowsPerSecond,
    onProgress: createProgress(tell),
  }).catch((error: unknown) => {
    if (!(error instanceof ConversionStoppedError)) throw error;
    throw new CommandFailure(
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
  return {
    text: [
      `Converted the secrets of ${plural(apps.changed.length, 'app')} and ${plural(changed, 'session_key')}.`,
      `app secrets   ${describeCounts(secrets)}`,
      `session_keys  ${describeCounts(sessionKeys)}`,
      `former keys   ${describeCounts(formerKeys)}`,
      ...explainRest(left, apps.unreadable, sessions),
    ].join('\n'),
    json: { target, apps, sessions, secrets, sessionKeys, formerKeys, left },
    exitCode: left === 0 && unreadable === 0 && apps.unreadable.length === 0 ? 0 : 1,
  };
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

function explainRest(left: number, apps: readonly string[], { unreadable, unreadableRows }: Conversion): string[] {
  if (unreadable === 0 && apps.length === 0) {
    if (left === 0) return [];
    return [
      `${plural(left, 'value was', 'values were')} written otherwise meanwhile. Give every worker these WAFER_KEYS, then run this again.`,
    ];
  }
  return [
    ...(apps.length > 0 ? [`Can't be read, of apps: ${apps.map(toPlainText).join(', ')}`] : []),
    ...(unreadable > 0
      ? [`Can't be read, of sessions: ${unreadable}, such as the rows ${unreadableRows.join(', ')}`]
      : []),
    'They were encrypted with another key, under a number that WAFER_KEYS lacks or has given to a new key, or were changed. Add that key, then run this again.',
    'If it is lost (docs/production.md, "Lost keys"): npx wafer app set <appid>, for each of those apps; of sessions the next log-in of the user writes a new one.',
  ];
}

function createProgress(tell: (line: string) => void): (soFar: Conversion) => void {
  let toldAt = performance.now();
  return ({ last, rows, changed }) => {
    if (performance.now() - toldAt < progressMs) return;
    toldAt = performance.now();
    tell(`up to row ${last}: ${rows} looked at, ${changed} changed`);
  };
}

function codeOf(error: unknown): string {
  const code = (error as { parent?: { code?: string } }).parent?.code;
  return code ?? (error instanceof BaseError ? error.name : 'unknown');
}
