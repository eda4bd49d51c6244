import type { RedisClient } from '../redis/connect.ts';
import type { App } from '../store/app-reader.ts';
import type { ListCopy } from '../store/fresh-list.ts';

export const appSettingsCopyKey = 'wafer:apps';

/** The apps' durations in Redis, without secrets: a front end that starts while MySQL is away can still check cached sessions. */
export function createAppSettingsCopy(client: RedisClient): ListCopy<App> {
  return {
    async save(apps) {
      await client.set(appSettingsCopyKey, JSON.stringify(apps));
    },
    async load() {
      const text = await client.get(appSettingsCopyKey);
      return text === null ? undefined : (JSON.parse(text) as App[]);
    },
  };
}
