import { z } from 'zod';
import type { RedisClient } from '../redis/connect.ts';
import type { App } from '../store/app-reader.ts';
import type { ListCopy } from '../store/fresh-list.ts';

export const appSettingsCopyKey = 'wafer:apps';

/** What later versions add goes through. */
const copySchema = z.array(
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

/** The apps' durations in Redis, without secrets: a front end that starts while MySQL is away can still check cached sessions. */
export function createAppSettingsCopy(client: RedisClient): ListCopy<App> {
  return {
    async save(apps) {
      await client.set(appSettingsCopyKey, JSON.stringify(apps));
    },
    async load() {
      const text = await client.get(appSettingsCopyKey);
      return text === null ? undefined : (copySchema.parse(JSON.parse(text)) as App[]);
    },
  };
}
