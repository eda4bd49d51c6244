import type { AppSettings } from '../../../shared/session/app-settings.ts';
import type { AppWithSecret } from '../../../shared/store/app-reader.ts';

/**
 * The app that a front end has chosen. It may have seen a newer row than this process, so an unknown app is looked for once more.
 * @returns undefined if there is no such app
 */
export async function findApp(
  settings: AppSettings<AppWithSecret>,
  appid: string,
): Promise<(AppWithSecret & { isDefault: boolean }) | undefined> {
  let apps = settings.fresh() ?? (await settings.current());
  if (!apps.byAppid.has(appid)) {
    settings.forget();
    apps = await settings.current();
  }
  const app = apps.byAppid.get(appid);
  return app === undefined ? undefined : { isDefault: app === apps.default, ...app };
}
