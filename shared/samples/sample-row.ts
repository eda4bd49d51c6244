import { appResults, type AppResult } from '../metrics/app-results.ts';
import { checkCount, loginCount, type Counts } from '../metrics/counts.ts';

/** What was counted in the time that a row covers. */
export interface SampleRow {
  /** An appid; '' the whole system; `other`: all apps without a series of their own. */
  readonly appid: string;
  readonly logins: Readonly<Record<AppResult, number>>;
  readonly checks: Readonly<Record<AppResult, number>>;
}

export const wholeSystem = '';
export const otherApps = 'other';
/** So many rows a minute at most, beside those of the system and of the others. */
const maxApps = 60;
/** As much as the column holds. */
const maxCount = 4_294_967_295;

const appCount = /^(login|check) (ok|refused|failed) (\S+)$/;

/** The rows of all apps in which something happened, and of the whole system. */
export function toRows(counts: Counts): SampleRow[] {
  const apps = new Map<string, { logins: Record<AppResult, number>; checks: Record<AppResult, number> }>();
  const find = (appid: string) => {
    let found = apps.get(appid);
    if (found === undefined) apps.set(appid, (found = { logins: none(), checks: none() }));
    return found;
  };
  for (const [name, count] of Object.entries(counts)) {
    const [, kind, result, appid = ''] = appCount.exec(name) ?? [];
    if (kind === undefined) continue;
    for (const row of [find(appid), find(wholeSystem)]) {
      const into = kind === 'login' ? row.logins : row.checks;
      into[result as AppResult] = Math.min(into[result as AppResult] + count, maxCount);
    }
  }
  find(wholeSystem);
  const rows = [...apps].map(([appid, row]) => ({ appid, ...row }));
  return rows.length <= maxApps + 2 ? rows : withoutMost(rows);
}

/** More than there can be, unless somebody made them up, or apps come and go all the time. */
function withoutMost(rows: readonly SampleRow[]): SampleRow[] {
  const named = rows.filter(({ appid }) => appid !== wholeSystem && appid !== otherApps).slice(0, maxApps);
  const kept = new Set([wholeSystem, ...named.map(({ appid }) => appid)]);
  const rest = rows.filter(({ appid }) => !kept.has(appid));
  const sum = (kind: 'logins' | 'checks') =>
    Object.fromEntries(
      appResults.map((result) => [
        result,
        Math.min(
          rest.reduce((all, row) => all + row[kind][result], 0),
          maxCount,
        ),
      ]),
    ) as Record<AppResult, number>;
  return [
    ...rows.filter(({ appid }) => kept.has(appid)),
    { appid: otherApps, logins: sum('logins'), checks: sum('checks') },
  ];
}

/** Back from rows, without what is known of the whole system alone. */
export function toCounts(rows: readonly SampleRow[]): Counts {
  const counts: Record<string, number> = {};
  for (const { appid, logins, checks } of rows) {
    if (appid === wholeSystem) continue;
    for (const result of appResults) {
      if (logins[result] > 0) counts[loginCount(result, appid)] = logins[result];
      if (checks[result] > 0) counts[checkCount(result, appid)] = checks[result];
    }
  }
  return counts;
}

function none(): Record<AppResult, number> {
  return { ok: 0, refused: 0, failed: 0 };
}
