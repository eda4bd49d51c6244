import type { Apps } from '../session/app-settings.ts';

const maxNamed = 50;

/** Appids that have a series by name: the default one, and the first of the others. So every process names the same. */
export function namedApps(apps: Apps): readonly string[] {
  const first = apps.default === undefined ? [] : [apps.default.appid];
  return [...new Set([...first, ...apps.byAppid.keys()])].slice(0, maxNamed);
}
