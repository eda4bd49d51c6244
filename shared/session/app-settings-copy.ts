import { z } from 'zod';
import type { RedisClient } from '../redis/connect.ts';
import type { App } from '../store/app-reader.ts';
import type { ListCopy } from '../store/fresh-list.ts';
import { isOfPresentLife, type CountsSince } from './present-life.ts';

export const appSettingsCopyKey = 'wafer:apps';

/** What later versions add goes through. */
const appsSchema = z.array(
  z.looseObject({
    appid: z.string(),
    isMarkedDefault: z.boolean(),
    loginDurationDays: z.number(),
    sessionDurationSeconds: z.number(),
    revokedBeforeUs: z.number(),
    maxSessions: z.number(),
    graceSeconds: z.number(),
    watermarkMaxAgeSeconds: z.number().optional(),
    refusesPhoneData: z.literal(true).optional(),
    kind: z.string().optional(),
    componentAppid: z.string().optional(),
    withoutAppRevokedBeforeUs: z.number().optional(),
  }),
);

const copySchema = z.object({ at: z.number(), apps: appsSchema });

/**
 * The apps' durations in Redis, without secrets: a front end that starts while MySQL is away can still check cached sessions.
 * @param countsSince as for the entries of the session cache: Redis may have lost a revocation that came after an earlier copy
 */
export function createAppSettingsCopy(client: RedisClient, countsSince: CountsSince): ListCopy<App> {
  return {
    async save(apps, at) {
      await client.set(appSettingsCopyKey, JSON.stringify({ at, apps }));
    },
    async load() {
      const text = await client.get(appSettingsCopyKey);
      if (text === null) return undefined;
      const { at, apps } = copySchema.parse(JSON.parse(text));
      return isOfPresentLife(at, await countsSince()) ? (apps as App[]) : undefined;
    },
  };
}
