import { setTimeout } from 'node:timers/promises';
import { BaseError, QueryTypes, type Sequelize } from 'sequelize';
import {
  formerKeysPlace,
  sealedVersion,
  sessionKeyPlace,
  UnreadableValueError,
  type ColumnCipher,
  type Place,
} from '../../keys/column-cipher.ts';
import { persist } from './persist.ts';
import { replaceSessionKeys, type KeyReplacement } from '../../store/session-key-replacer.ts';

export interface Conversion {
  /** Last row that was looked at; `after` of a run that is to go on from there. */
  last: number;
  rows: number;
  changed: number;
  /** Rows that were encrypted with a key that is not here, or do not decrypt; they stay as they are. */
  unreadable: number;
  /** The first few of them. */
  readonly unreadableRows: number[];
}

export interface ConversionOptions {
  /** Rows up to this primary key are passed over. */
  readonly after: number;
  readonly rowsPerSecond: number;
  readonly onProgress: (soFar: Conversion) => void;
}

const rowsPerChunk = 500;
/** Log-ins between reading and writing a chunk, each of which makes its row be read again. */
const maxRounds = 10;
const shownRows = 20;

/** What of a session is encrypted, and what it takes to read it. */
export interface KeyRow {
  readonly id: number;
  readonly appid: string | null;
  readonly open_id: string;
  readonly session_key: string;
  readonly former_keys: string | null;
}

/**
 * Writes every session_key and former key as the cipher would write it now, while workers run: by primary key in chunks, each row only if it is
 * still as it was read. What is right already is passed over, so that a run after a broken one repeats no work.
 * @throws {ConversionStoppedError} if the database fails again and again
 */
export async function convertSessions(
  sequelize: Sequelize,
  cipher: ColumnCipher,
  { after, rowsPerSecond, onProgress }: ConversionOptions,
): Promise<Conversion> {
  const soFar: Conversion = { last: after, rows: 0, changed: 0, unreadable: 0, unreadableRows: [] };
  for (;;) {
    const startedAt = performance.now();
    const rows = await persist(async () => {
      const read = await readRows(sequelize, 'id > :after', { after: soFar.last });
      await convertChunk(sequelize, cipher, read, soFar);
      return read;
    }).catch((error: unknown) => {
      throw error instanceof BaseError ? new ConversionStoppedError(soFar, { cause: error }) : error;
    });
    const last = rows.at(-1)?.id;
    if (last === undefined) return soFar;
    soFar.last = last;
    soFar.rows += rows.length;
    onProgress(soFar);
    const shareMs = (rows.length / rowsPerSecond) * 1000;
    await setTimeout(Math.max(shareMs - (performance.now() - startedAt), 0));
  }
}

export class ConversionStoppedError extends Error {
  constructor({ last, changed }: Conversion, options: ErrorOptions) {
    super(`stopped after row ${last}, ${changed} rows changed`, options);
    this.name = 'ConversionStoppedError';
  }
}

async function convertChunk(
  sequelize: Sequelize,
  cipher: ColumnCipher,
  read: readonly KeyRow[],
  soFar: Conversion,
): Promise<void> {
  let rows = read;
  const unreadable = new Set<number>();
  for (let round = 0; round < maxRounds; round++) {
    const replacements = rows.flatMap((row) => toReplacement(cipher, row, unreadable));
    if (replacements.length === 0) break;
    const changed = await replaceSessionKeys(sequelize, replacements);
    soFar.changed += changed;
    if (changed === replacements.length) break;
    rows = await readRows(sequelize, 'id in (:ids)', { ids: replacements.map(({ id }) => id) });
  }
  soFar.unreadable += unreadable.size;
  for (const id of unreadable) if (soFar.unreadableRows.length < shownRows) soFar.unreadableRows.push(id);
}

/** @returns nothing where the row is as it should be, or can't be read */
function toReplacement(cipher: ColumnCipher, row: KeyRow, unreadable: Set<number>): KeyReplacement[] {
  const { id, appid, open_id: openId, session_key: sessionKey, former_keys: formerKeys } = row;
  const convert = (place: Place, stored: string): string => {
    try {
      return convertValue(cipher, place, stored);
    } catch (error) {
      if (!(error instanceof UnreadableValueError)) throw error;
      unreadable.add(id);
      return stored;
    }
  };
  const next = {
    sessionKey: convert(sessionKeyPlace(appid, openId), sessionKey),
    formerKeys: formerKeys === null ? null : convert(formerKeysPlace(appid, openId), formerKeys),
  };
  if (next.sessionKey === sessionKey && next.formerKeys === formerKeys) return [];
  return [{ id, appid, stored: { sessionKey, formerKeys }, next }];
}

/** @throws {UnreadableValueError} */
function convertValue(cipher: ColumnCipher, place: Place, stored: string): string {
  if (stored === '') return stored;
  // What bears the right version is opened too: another key may bear it.
  const text = cipher.open(place, stored);
  return sealedVersion(stored) === cipher.keys.writes ? stored : cipher.seal(place, text);
}

function readRows(sequelize: Sequelize, where: string, values: Record<string, unknown>): Promise<KeyRow[]> {
  return sequelize.query<KeyRow>(
    `select id, appid, open_id, session_key, former_keys from cSessionInfo where ${where} order by id limit ${rowsPerChunk}`,
    { replacements: values, type: QueryTypes.SELECT },
  );
}
