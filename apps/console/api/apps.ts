import { z } from 'zod';
import { kindNames } from '../../../shared/administration/app-kind.ts';
import { unknownApp } from '../../../shared/administration/failure.ts';
import { listApps, type ListedApp } from '../../../shared/administration/list-apps.ts';
import { revokeApps } from '../../../shared/administration/revoke.ts';
import {
  checkAppid,
  checkSecret,
  foreseeRemoval,
  prepareApp,
  removeApp,
  setApp,
} from '../../../shared/administration/set-app.ts';
import { lendRedis } from '../../../shared/administration/stores.ts';
import { readCallers } from '../../../shared/store/caller-store.ts';
import type { Administration } from '../administration.ts';
import { estimateSessions } from './estimate-sessions.ts';
import { dryRun } from './paging.ts';
import { defineRoute, type ApiRoute } from './route.ts';

const params = z.object({ appid: z.string().min(1).max(200) });
const maxInteger = 2_147_483_647;
const seconds = z.int().min(1).max(maxInteger);

const settings = {
  loginDurationDays: z.int().min(1).max(maxInteger),
  sessionDurationSeconds: seconds,
  maxSessions: z
    .int()
    .min(1)
    .max(1000)
    .describe('Sessions that a user may have at once; 1: a log-in ends the one before'),
  graceSeconds: z.int().min(0).max(86_400).describe('For so long after a log-in the previous skey still works'),
  watermarkMaxAgeSeconds: seconds.nullable().describe('Older user data is refused; null: any age'),
  phoneData: z.boolean().describe('A phone number may come as encrypted data too'),
  allowSign: z.boolean().describe('qcloud.cam.sign signs with the session_key of a user'),
  undecrypted: z.enum(['refuse', 'without-profile']).describe('A log-in whose user data no key opens'),
  keepDevice: z.boolean().describe('A session keeps what its log-in says of the device'),
  keepClientIp: z.boolean().describe('A session keeps the address of its user, as the back end says it'),
  perDevice: z.boolean().describe('With several sessions a user: a log-in ends the one on a device of the same kind'),
};

const app = z.object({
  appid: z.string(),
  isDefault: z.boolean().describe('Requests and rows that name no app are for it'),
  kind: z.string(),
  componentAppid: z.string().optional(),
  corps: z.array(z.string()).optional().describe('Of kind wecom: the companies whose people it is for'),
  hasSecret: z.boolean(),
  hasPreviousSecret: z.boolean(),
  secretFault: z.string().optional().describe('Why its secret can’t be read'),
  ...settings,
});

const forgotten = {
  silent: z
    .array(z.string())
    .describe('Processes that did not confirm that they know of it: it counts there within five seconds'),
};
const reach = {
  dryRun: z.boolean(),
  sessions: z.int().describe('About how many sessions the app has, those that are over included'),
};

/** The mini programs that may log in. */
export const appRoutes: readonly ApiRoute[] = [
  defineRoute({
    method: 'GET',
    path: '/apps',
    operationId: 'listApps',
    summary: 'Lists the apps, without their secrets',
    role: 'viewer',
    answer: z.object({ items: z.array(app), next: z.null() }),
    handle: async ({ administration }) => ({ items: (await readAll(administration)).map(tell), next: null }),
  }),
  defineRoute({
    method: 'GET',
    path: '/apps/:appid',
    operationId: 'showApp',
    summary: 'Shows an app, without its secret',
    role: 'viewer',
    params,
    answer: app,
    handle: async ({ params: { appid }, administration }) => tell(await getApp(administration, appid)),
  }),
  defineRoute({
    method: 'PUT',
    path: '/apps/:appid',
    operationId: 'setApp',
    summary: 'Adds an app or changes it; what is left out stays as it is',
    description:
      'A new app needs its secret. With `keepPrevious` the secret before stays good where WeChat refuses the new one: that is how a secret is changed without a gap.',
    role: 'admin',
    params,
    body: z.object({
      secret: z
        .string()
        .max(300)
        .optional()
        .describe('The AppSecret of mp.weixin.qq.com; of kind wecom, that of `corpid`'),
      keepPrevious: z.boolean().optional(),
      isDefault: z.boolean().optional().describe('true: it becomes the default app. false: others stay it, or 409'),
      kind: z.enum(kindNames as [string, ...string[]]).optional(),
      componentAppid: z.string().min(1).max(200).optional(),
      corpid: z.string().min(1).max(100).optional().describe('Of kind wecom: the company that `secret` is of'),
      removeCorpid: z.string().min(1).max(100).optional().describe('Of kind wecom: its people log in no more'),
      ...z.object(settings).partial().shape,
    }),
    answer: z.object({
      app,
      isAdded: z.boolean(),
      isSecretChanged: z.boolean(),
      isKindChanged: z
        .boolean()
        .describe('Users have other names now; sessions of before go on until they are revoked'),
      defaultBefore: z.string().nullable(),
      defaultNow: z.string(),
      warnings: z.array(z.string()),
      ...forgotten,
    }),
    async handle({
      params: { appid },
      body: { secret, maxSessions, watermarkMaxAgeSeconds, ...rest },
      administration,
    }) {
      const { cipher, actor } = administration;
      const prepared = await prepareApp(administration, cipher, appid, {
        ...rest,
        ...(maxSessions === undefined ? {} : { policy: maxSessions === 1 ? 'single' : 'multi', maxSessions }),
        ...(watermarkMaxAgeSeconds === undefined ? {} : { watermarkMaxAgeSeconds: watermarkMaxAgeSeconds ?? 0 }),
      });
      const useRedis = lendRedis(administration);
      const given = secret === undefined ? undefined : checkSecret(secret);
      const done = await setApp(administration, { cipher, useRedis, actor }, prepared, given);
      const { isAdded, isSecretChanged, isKindChanged, defaultBefore, defaultNow } = done;
      return {
        app: tell(await getApp(administration, appid)),
        isAdded,
        isSecretChanged,
        isKindChanged,
        defaultBefore: defaultBefore ?? null,
        defaultNow,
        warnings: /^wx[0-9a-z]{16}$/i.test(appid)
          ? []
          : ['It does not look like an appid, which is wx and 16 characters.'],
        silent: [...done.forgotten.silent],
      };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/apps/:appid',
    operationId: 'removeApp',
    summary: 'Removes an app and ends its sessions for good; their rows stay in the database',
    role: 'admin',
    params,
    body: z.object({ dryRun }),
    answer: z.object({
      ...reach,
      callers: z.array(z.string()).describe('Callers whose keys are for this app: their requests are answered 1012'),
      defaultNow: z.string().nullable().describe('The default app afterwards'),
      ...forgotten,
    }),
    async handle({ params: { appid }, body, administration }) {
      const { sessions, callers } = await foresee(administration, appid);
      if (body.dryRun) {
        const { defaultNow } = await foreseeRemoval(administration, appid);
        return { dryRun: true, sessions, callers, defaultNow: defaultNow ?? null, silent: [] };
      }
      const done = await removeApp(administration, lendRedis(administration), appid, administration.actor);
      const { defaultNow = null, forgotten: told } = done;
      return { dryRun: false, sessions, callers, defaultNow, silent: [...told.silent] };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/apps/:appid/revoke',
    operationId: 'revokeApp',
    summary: 'Ends all sessions of an app at once; its users log in again by themselves',
    role: 'operator',
    params,
    body: z.object({ dryRun }),
    answer: z.object({ ...reach, ...forgotten }),
    async handle({ params: { appid }, body, administration }) {
      const { sessions } = await foresee(administration, appid);
      if (body.dryRun) return { dryRun: true, sessions, silent: [] };
      const { silent } = await revokeApps(administration, appid, administration.actor);
      return { dryRun: false, sessions, silent: [...silent] };
    },
  }),
];

function readAll({ appInfo, cipher }: Administration): Promise<ListedApp[]> {
  return listApps(appInfo, cipher);
}

async function getApp(administration: Administration, appid: string): Promise<ListedApp> {
  checkAppid(appid);
  const found = (await readAll(administration)).find((each) => each.appid === appid);
  if (found === undefined) throw unknownApp(appid);
  return found;
}

async function foresee(administration: Administration, appid: string) {
  const { isDefault } = await getApp(administration, appid);
  const { sequelize } = administration;
  const [sessions, callers] = await Promise.all([
    estimateSessions(sequelize, appid, isDefault),
    readCallers(sequelize),
  ]);
  return { sessions, callers: callers.filter(({ appids }) => appids?.includes(appid)).map(({ name }) => name) };
}

function tell(given: ListedApp) {
  const { refusesPhoneData, allowsSign, leavesOutUndecrypted, keepsDevice, keepsClientIp, isPerDevice } = given;
  const { corps, ...listed } = given;
  return {
    ...listed,
    ...(corps === undefined ? {} : { corps: [...corps] }),
    watermarkMaxAgeSeconds: listed.watermarkMaxAgeSeconds ?? null,
    phoneData: refusesPhoneData !== true,
    allowSign: allowsSign === true,
    undecrypted: leavesOutUndecrypted === true ? ('without-profile' as const) : ('refuse' as const),
    keepDevice: keepsDevice === true,
    keepClientIp: keepsClientIp === true,
    perDevice: isPerDevice === true,
  };
}
