import { QueryTypes, type Sequelize } from 'sequelize';
import { sealedMark } from '../../keys/column-cipher.ts';
import { toPlainText } from '../../log/plain-text.ts';

/** How many values there are per version of the key; `plain` for those that are not encrypted. Empty ones do not count. */
export type VersionCounts = Readonly<Record<string, number>>;

/** SQL: the version of a column's value, `plain`, or null if it is empty. */
const versionOf = (column: string) =>
  `case when coalesce(${column}, '') = '' then null
        when left(${column}, ${sealedMark.length}) = '${sealedMark}' then substring_index(substring_index(${column}, ':', 2), ':', -1)
        else 'plain' end`;

const rowsPerStatement = 20_000;

interface CountRow {
  readonly version: string | null;
  readonly count: number;
}

interface SessionRow {
  readonly version: string | null;
  readonly former: string | null;
  readonly count: number;
  readonly last: number;
}

/** Of the columns of sessions. */
export interface SessionKeyCounts {
  readonly sessionKeys: VersionCounts;
  /** Values, each of which holds all former keys of a session. */
  readonly formerKeys: VersionCounts;
}

/** Of secrets and previous secrets of apps and endpoints, and of TOTP secrets of operators, together. */
export async function countSecrets(sequelize: Sequelize): Promise<VersionCounts> {
  const rows = await sequelize.query<CountRow>(
    `select version, count(*) as count from (
       select ${versionOf('secret')} as version from cAppinfo
       union all select ${versionOf('previous_secret')} from cAppinfo
       union all select ${versionOf('totp_secret')} from cWaferOperator
       union all select ${versionOf('secret')} from cWaferEndpoint
       union all select ${versionOf('previous_secret')} from cWaferEndpoint) t group by version`,
    { type: QueryTypes.SELECT },
  );
  return addCounts({}, rows);
}

/** Walks the table by its primary key, in statements that are short on a table of any size. */
export async function countSessionKeys(sequelize: Sequelize): Promise<SessionKeyCounts> {
  let counts = noSessions;
  for (let after = 0; ;) {
    const rows = await countRows(sequelize, selectRows('where id > :after order by id'), { after });
    if (rows.length === 0) return counts;
    counts = addSessions(counts, rows);
    after = Math.max(...rows.map(({ last }) => last));
  }
}

/** Of the oldest and the newest rows: for a look that may not take long. */
export async function sampleSessionKeys(sequelize: Sequelize): Promise<SessionKeyCounts> {
  // `union` takes a row that is among both only once.
  return addSessions(
    noSessions,
    await countRows(sequelize, `(${selectRows('order by id')}) union (${selectRows('order by id desc')})`),
  );
}

const selectRows = (which: string) =>
  `select id, ${versionOf('session_key')} as version, ${versionOf('former_keys')} as former from cSessionInfo ${which} limit ${rowsPerStatement}`;

function countRows(sequelize: Sequelize, rows: string, values: Record<string, number> = {}): Promise<SessionRow[]> {
  return sequelize.query<SessionRow>(
    `select version, former, count(*) as count, max(id) as last from (${rows}) t group by version, former`,
    { replacements: values, type: QueryTypes.SELECT },
  );
}

const noSessions: SessionKeyCounts = { sessionKeys: {}, formerKeys: {} };

function addSessions({ sessionKeys, formerKeys }: SessionKeyCounts, rows: readonly SessionRow[]): SessionKeyCounts {
  const formers = rows.map(({ former: version, count }) => ({ version, count }));
  return { sessionKeys: addCounts(sessionKeys, rows), formerKeys: addCounts(formerKeys, formers) };
}

function addCounts(counts: VersionCounts, rows: readonly CountRow[]): VersionCounts {
  const sum: Record<string, number> = { ...counts };
  for (const { version, count } of rows) {
    if (version !== null) sum[version] = (sum[version] ?? 0) + count;
  }
  return sum;
}

/** Values that are not as WAFER_KEYS would write them now. @param writes undefined: in plain text */
export function countOthers(counts: VersionCounts, writes: number | undefined): number {
  const wanted = String(writes ?? 'plain');
  return Object.entries(counts).reduce((sum, [version, count]) => sum + (version === wanted ? 0 : count), 0);
}

/** Versions that stand in the table and not in WAFER_KEYS. */
export function missingVersions(counts: VersionCounts, known: ReadonlyMap<number, unknown>): string[] {
  return Object.keys(counts).filter((version) => version !== 'plain' && !known.has(Number(version)));
}

export function describeCounts(counts: VersionCounts): string {
  const parts = Object.entries(counts).map(([version, count]) =>
    version === 'plain' ? `${count} in plain text` : `${count} with key ${toPlainText(version)}`,
  );
  return parts.length === 0 ? 'none' : parts.join(', ');
}
