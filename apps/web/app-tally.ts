import { Counter, type Registry } from 'prom-client';
import { appResults, type AppResult } from '../../shared/metrics/app-results.ts';
import { namedApps } from '../../shared/metrics/named-apps.ts';
import type { Apps } from '../../shared/session/app-settings.ts';

/** Counts what becomes of the requests of each app. */
export interface AppTally {
  /** @param apps as they were when the request came */
  add(apps: Apps, appid: string, result: AppResult): void;
  /** Has a series of each app, with 0: the first count of a series that was not there is no increase. */
  know(apps: Apps): void;
}

type Counts = Record<AppResult, number>;

/** Names of apps that are gone stay until the process ends; so many at most. */
const maxSeries = 200;
const otherApps = 'other';

export function createAppTally({
  name,
  help,
  registry,
}: {
  readonly name: string;
  readonly help: string;
  readonly registry: Registry;
}): AppTally {
  const counts = new Map<string, Counts>();
  /** Those of the apps as they are now. */
  let named = new Map<string, Counts>();
  let known: Apps | undefined;
  new Counter({
    name,
    help,
    labelNames: ['app', 'result'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [app, byResult] of counts)
        for (const result of appResults) this.inc({ app, result }, byResult[result]);
    },
  });

  const find = (app: string): Counts | undefined => {
    const found = counts.get(app);
    if (found !== undefined || (counts.size >= maxSeries && app !== otherApps)) return found;
    const fresh: Counts = { ok: 0, refused: 0, failed: 0 };
    counts.set(app, fresh);
    return fresh;
  };
  /** They are read anew every few seconds, and are another object then. */
  const nameFirst = (apps: Apps): Map<string, Counts> => {
    known = apps;
    named = new Map();
    for (const appid of namedApps(apps)) {
      const found = find(appid);
      if (found !== undefined) named.set(appid, found);
    }
    return named;
  };

  return {
    add(apps, appid, result) {
      const byName = apps === known ? named : nameFirst(apps);
      const found = byName.get(appid) ?? find(otherApps);
      if (found !== undefined) found[result]++;
    },
    know: nameFirst,
  };
}
