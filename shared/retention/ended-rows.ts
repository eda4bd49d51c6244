import { toApps } from '../session/app-settings.ts';
import type { SessionLimits } from '../session/expiry.ts';
import { toWallClock } from '../session/wall-clock.ts';
import { defaultLoginDurationDays, defaultSessionDurationSeconds, type App } from '../store/app-reader.ts';

type Durations = Pick<SessionLimits, 'loginDurationDays' | 'sessionDurationSeconds'>;

/** A condition for rows of cSessionInfo, with what it needs. */
export interface RowCondition {
  readonly sql: string;
  readonly replacements: Readonly<Record<string, string | readonly string[]>>;
}

/**
 * Rows whose session was over before a time, for us and for the original: it takes the last app's limits for every row, whichever app it is of.
 * A revocation does not count: the original does not know of it. Rows of an app that is gone are as good as new when it is set again, with
 * limits that nobody knows yet: they are judged by the longest.
 * @param apps all there are, in the order of their primary key; at least one
 * @param endedBefore seconds since 1970
 */
export function endedBeforeSql(apps: readonly App[], endedBefore: number): RowCondition {
  const replacements: Record<string, string | readonly string[]> = {};
  const name = (value: string | readonly string[]): string => {
    const key = `v${Object.keys(replacements).length}`;
    replacements[key] = value;
    return `:${key}`;
  };
  const isOver = ({ loginDurationDays, sessionDurationSeconds }: Durations) =>
    `(create_time < ${name(toCutoff(endedBefore - loginDurationDays * 86_400))}
      or last_visit_time < ${name(toCutoff(endedBefore - sessionDurationSeconds))})`;
  const groups = new Map<string, { readonly limits: Durations; readonly appids: string[] }>();
  for (const [appid, limits] of toApps(apps).limits) {
    const key = `${limits.loginDurationDays} ${limits.sessionDurationSeconds}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { limits, appids: [appid] });
    else group.appids.push(appid);
  }
  // Appids count by exact bytes, whatever the column's collation.
  const cases = [...groups.values()].map(
    ({ limits, appids }) => `when cast(coalesce(appid, '') as binary) in (${name(appids)}) then ${isOver(limits)}`,
  );
  const original = apps.at(-1) as App;
  const sql = `(case ${cases.join(' ')} else ${isOver(longest(apps))} end) and ${isOver(original)}`;
  return { sql, replacements };
}

function longest(apps: readonly App[]): Durations {
  return {
    loginDurationDays: Math.max(defaultLoginDurationDays, ...apps.map((app) => app.loginDurationDays)),
    sessionDurationSeconds: Math.max(defaultSessionDurationSeconds, ...apps.map((app) => app.sessionDurationSeconds)),
  };
}

/** A session of an app with very long limits never ends, not even one with a zero date: nothing is before this. */
const never = '0000-00-00 00:00:00';

function toCutoff(seconds: number): string {
  return seconds > 0 ? toWallClock(seconds) : never;
}
