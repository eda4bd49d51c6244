import { waitAtMost } from '../patience.ts';
import type { App } from '../store/app-reader.ts';

/** The apps of this server, as fresh as plain SQL beside it requires. */
export interface AppSettings<Known extends App = App> {
  /**
   * The configured apps. Read again when older than three seconds, so that a row inserted or changed by plain SQL counts within five.
   * While MySQL is away the last known settings go on.
   * @throws {AppSettingsUnavailableError} if they were never read and can't be read now
   */
  current(): Promise<Apps<Known>>;
  /** The same without waiting; undefined if `current` has to be asked. */
  fresh(): Apps<Known> | undefined;
  /** Makes the next use read again. */
  forget(): void;
}

export interface Apps<Known extends App = App> {
  /**
   * The app of requests that name none: the one that is marked, else the last by primary key, as in the original. undefined if
   * there is no app at all.
   */
  readonly default: Known | undefined;
  readonly byAppid: ReadonlyMap<string, Known>;
}

export class AppSettingsUnavailableError extends Error {
  constructor() {
    super('the app settings were never read and can not be read now');
    this.name = 'AppSettingsUnavailableError';
  }
}

/** Where settings outlive the process, for a start while MySQL is away. */
export interface AppSettingsCopy<Known extends App = App> {
  save(apps: readonly Known[]): Promise<void>;
  load(): Promise<Known[] | undefined>;
}

const freshMs = 3000;
/** Younger than this they are used without a look; between this and `freshMs` they are read again behind the request's back. */
const youngMs = 2000;
/** How long a request waits for a read before it goes on with the last known settings. */
const patienceMs = 400;
const retryMs = 1000;

export function createAppSettings<Known extends App>({
  read,
  copy,
  onFailure,
  onDefaultMoved,
}: {
  read: () => Promise<Known[]>;
  copy?: AppSettingsCopy<Known>;
  onFailure: (error: unknown) => void;
  /** Gets the appids when another app is that of requests that name none. */
  onDefaultMoved?: (before: string, now: string | undefined) => void;
}): AppSettings<Known> {
  let known: Apps<Known> | undefined;
  let knownText = '';
  let readAt = Number.NEGATIVE_INFINITY;
  let failedAt = Number.NEGATIVE_INFINITY;
  /** The last attempt failed, or took too long. */
  let isAway = false;
  let reading: Promise<void> | undefined;
  let generation = 0;

  const accept = (apps: readonly Known[]) => {
    const before = known?.default?.appid;
    known = toApps(apps);
    const now = known.default?.appid;
    if (before !== undefined && now !== before) onDefaultMoved?.(before, now);
    const text = JSON.stringify(apps);
    if (text !== knownText) void copy?.save(apps).catch(() => undefined);
    knownText = text;
  };

  const refresh = (): Promise<void> => {
    const asked = generation;
    const started = performance.now();
    reading ??= read()
      .then((apps) => {
        accept(apps);
        isAway = false;
        // A read that began before `forget` may have seen the old rows: it serves, but it does not count as fresh.
        if (asked === generation) readAt = started;
      })
      .catch((error: unknown) => {
        onFailure(error);
        failedAt = performance.now();
        isAway = true;
      })
      .finally(() => {
        reading = undefined;
      });
    return reading;
  };

  const fresh = (): Apps<Known> | undefined => {
    const age = performance.now() - readAt;
    if (known === undefined || age >= freshMs) return undefined;
    if (age > youngMs) void refresh();
    return known;
  };

  return {
    fresh,
    async current() {
      const young = fresh();
      if (young !== undefined) return young;
      if (performance.now() - failedAt >= retryMs) {
        const attempt = refresh();
        // While MySQL is away nobody waits for it again and again: it is asked behind the requests' backs.
        if (known === undefined || !isAway) await waitAtMost(patienceMs, attempt, () => (isAway = true));
      }
      if (known === undefined) {
        const saved = await copy?.load().catch(() => undefined);
        if (known === undefined && saved !== undefined) known = toApps(saved);
      }
      if (known === undefined) throw new AppSettingsUnavailableError();
      return known;
    },
    forget() {
      generation++;
      // The copy may have been forgotten as well.
      knownText = '';
      readAt = Number.NEGATIVE_INFINITY;
      failedAt = Number.NEGATIVE_INFINITY;
      reading = undefined;
    },
  };
}

/** @param apps in the order of their primary key */
export function toApps<Known extends App>(apps: readonly Known[]): Apps<Known> {
  return {
    default: apps.findLast((app) => app.isMarkedDefault) ?? apps.at(-1),
    byAppid: new Map(apps.map((app) => [app.appid, app])),
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
