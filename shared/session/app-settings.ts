import type { App } from '../store/app-reader.ts';
import type { SessionLimits } from './expiry.ts';
import { createFreshList, type FreshList, type ListCopy } from '../store/fresh-list.ts';

/** The configured apps. After `forget` the settings that were known go on while MySQL is away. */
export type AppSettings<Known extends App = App> = FreshList<Apps<Known>>;

export interface Apps<Known extends App = App> {
  /**
   * The app of requests that name none: the one that is marked, else the last by primary key, as in the original. undefined if
   * there is no app at all.
   */
  readonly default: Known | undefined;
  readonly byAppid: ReadonlyMap<string, Known>;
  /** Of a session by the appid of its row; undefined if its app is gone: then it is not valid. '' for rows without an app. */
  readonly limits: ReadonlyMap<string, SessionLimits>;
}

export function createAppSettings<Known extends App>({
  read,
  copy,
  onFailure,
  onDefaultMoved,
}: {
  readonly read: () => Promise<Known[]>;
  readonly copy?: ListCopy<Known>;
  readonly onFailure: (error: unknown) => void;
  /** Gets the appids when another app is that of requests that name none. */
  readonly onDefaultMoved?: (before: string, now: string | undefined) => void;
}): AppSettings<Known> {
  let before: string | undefined;
  const toView = (items: readonly Known[]): Apps<Known> => {
    const apps = toApps(items);
    const now = apps.default?.appid;
    if (before !== undefined && now !== before) onDefaultMoved?.(before, now);
    before = now;
    return apps;
  };
  return createFreshList({ what: 'the app settings', read, toView, copy, keepsOnForget: true, onFailure });
}

/** What tells how long sessions of the default app and those without an app live. */
export type DefaultLimits = SessionLimits & Pick<App, 'withoutAppRevokedBeforeUs'>;

/** @param apps in the order of their primary key */
export function toApps<Known extends App>(apps: readonly Known[]): Apps<Known> {
  const chosen = apps.findLast((app) => app.isMarkedDefault) ?? apps.at(-1);
  const limits = new Map<string, SessionLimits>(apps.map((app) => [app.appid, app]));
  if (chosen !== undefined) limits.set('', limitsWithoutApp(chosen));
  return { default: chosen, byAppid: new Map(apps.map((app) => [app.appid, app])), limits };
}

/** Rows without an app live as those of the default app, but what was revoked with an earlier default app stays so. */
export function limitsWithoutApp(app: DefaultLimits): SessionLimits {
  const { loginDurationDays, sessionDurationSeconds, revokedBeforeUs, withoutAppRevokedBeforeUs = 0 } = app;
  return {
    loginDurationDays,
    sessionDurationSeconds,
    revokedBeforeUs: Math.max(revokedBeforeUs, withoutAppRevokedBeforeUs),
  };
}

/**
 * The app that a request is for.
 * @param requested the appid that it names, if any
 * @returns undefined if there is no such app: return code 1012
 */
export function chooseApp<Known extends App>(apps: Apps<Known>, requested: unknown): Known | undefined {
  if (requested === undefined) return apps.default;
  return typeof requested === 'string' ? apps.byAppid.get(requested) : undefined;
}

/** Whether a session is of this app. Rows without an app, as the original writes them, belong to the default app. */
export function belongsTo(session: { readonly appid: string }, app: App, apps: Apps): boolean {
  return session.appid === app.appid || (session.appid === '' && app === apps.default);
}
