import { Option } from 'commander';
import { kindNames } from '../../shared/administration/app-kind.ts';
import type { ListedApp } from '../../shared/administration/list-apps.ts';
import type { AppSettings } from '../../shared/administration/set-app.ts';
import { toPlainText } from '../../shared/log/plain-text.ts';
import type { App } from '../../shared/store/app-reader.ts';
import { UsageFailure } from './result.ts';

/** What `app set` can change beside the secret, as commander gives it; what is left out stays as it is. */
export interface AppSettingOptions {
  readonly loginDuration?: number;
  readonly sessionDuration?: number;
  readonly default?: boolean;
  readonly notDefault?: boolean;
  readonly policy?: 'single' | 'multi';
  readonly maxSessions?: number;
  readonly grace?: number;
  /** Seconds; 0: any age. */
  readonly watermarkMaxAge?: number;
  readonly phoneData?: boolean;
  readonly allowSign?: boolean;
  readonly undecrypted?: 'refuse' | 'without-profile';
  readonly keepDevice?: boolean;
  readonly keepClientIp?: boolean;
  readonly perDevice?: boolean;
  readonly kind?: string;
  readonly component?: string;
  readonly corp?: string;
  readonly removeCorp?: string;
  /** The secret before stays good as well. */
  readonly keepPrevious?: boolean;
}

const maxInteger = 2_147_483_647;

const wholeNumber =
  (minimum: number, maximum = maxInteger) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= minimum && value <= maximum) return value;
    throw new UsageFailure(`give a whole number from ${minimum} to ${maximum}, not "${toPlainText(text)}"`);
  };

export const appSettingOptions: readonly Option[] = [
  new Option('--login-duration <days>', 'how long a log-in lasts; a new app gets 30').argParser(wholeNumber(1)),
  new Option(
    '--session-duration <seconds>',
    'how long a session lasts without a visit; a new app gets 2592000',
  ).argParser(wholeNumber(1)),
  new Option('--default', 'requests and rows that name no app are for this one'),
  new Option('--not-default', 'they stay with the app that they are for now').conflicts('default'),
  new Option('--policy <policy>', 'single: a log-in ends the session before it; multi: several devices').choices([
    'single',
    'multi',
  ]),
  new Option('--max-sessions <count>', 'with multi: beyond it the oldest log-in ends').argParser(wholeNumber(1, 1000)),
  new Option('--grace <seconds>', 'for this long after a log-in the previous skey still works').argParser(
    wholeNumber(0, 86_400),
  ),
  new Option('--watermark-max-age <seconds>', 'older user data is refused; 0: any age').argParser(wholeNumber(0)),
  new Option('--phone-data', 'a phone number may come as encrypted data too; a new app gets this'),
  new Option('--no-phone-data', 'a phone number comes by the code of a button alone, which is safer'),
  new Option('--allow-sign', 'qcloud.cam.sign signs with the session_key of a user, as virtual payment needs it'),
  new Option('--no-allow-sign', 'it signs nothing; a new app gets this'),
  new Option(
    '--undecrypted <what>',
    'a log-in whose user data no key opens: refuse, as a new app gets it, or without-profile',
  ).choices(['refuse', 'without-profile']),
  new Option('--keep-device', 'a session keeps what its log-in says of the device: iPhone 15 Pro'),
  new Option('--no-keep-device', 'it does not look at that; a new app gets this'),
  new Option('--keep-client-ip', 'a session keeps the address of its user, as the back end says it'),
  new Option('--no-keep-client-ip', 'it does not look at that; a new app gets this'),
  new Option('--per-device', 'with multi: a log-in ends the session on a device of the same kind (ios, android, …)'),
  new Option('--no-per-device', 'it ends that only if there are too many; a new app gets this'),
  new Option(
    '--kind <kind>',
    'wechat: a mini program with a secret of its own, as a new app is; component: one that has authorised a platform; wecom: one inside WeCom',
  ).choices(kindNames),
  new Option('--component <appid>', 'of kind component: the platform that it has authorised'),
  new Option('--corp <corpid>', 'of kind wecom: the secret is of this company, which is added if it is new'),
  new Option('--remove-corp <corpid>', 'of kind wecom: people of this company log in no more').conflicts('corp'),
];

export function toSettings(options: AppSettingOptions): AppSettings {
  return {
    loginDurationDays: options.loginDuration,
    sessionDurationSeconds: options.sessionDuration,
    isDefault: options.default ?? (options.notDefault === true ? false : undefined),
    policy: options.policy,
    maxSessions: options.maxSessions,
    graceSeconds: options.grace,
    watermarkMaxAgeSeconds: options.watermarkMaxAge,
    phoneData: options.phoneData,
    allowSign: options.allowSign,
    undecrypted: options.undecrypted,
    kind: options.kind,
    componentAppid: options.component,
    corpid: options.corp,
    removeCorpid: options.removeCorp,
    keepPrevious: options.keepPrevious,
    keepDevice: options.keepDevice,
    keepClientIp: options.keepClientIp,
    perDevice: options.perDevice,
  };
}

/** An app's settings in a sentence. */
export function describeApp(app: App): string {
  const sessions = app.maxSessions === 1 ? 'one session a user' : `up to ${app.maxSessions} sessions a user`;
  const grace = app.graceSeconds === 0 ? '' : `, the previous skey works ${app.graceSeconds} s longer`;
  const others = otherSettings(app)
    .map((setting) => `; ${setting}`)
    .join('');
  return `log-ins last ${app.loginDurationDays} days, sessions ${app.sessionDurationSeconds} s without a visit; ${sessions}${grace}${others}${app.kind === undefined ? '' : `; of kind ${toPlainText(app.kind)}`}.`;
}

/** What of an app is set otherwise than a new app gets it, beside its durations and sessions. */
export function otherSettings(app: App): string[] {
  return [
    ...(app.refusesPhoneData === true ? ['phone numbers by code alone'] : []),
    ...(app.allowsSign === true ? ['signs data'] : []),
    ...(app.leavesOutUndecrypted === true ? ['undecrypted: without-profile'] : []),
    ...(app.keepsDevice === true ? ['keeps devices'] : []),
    ...(app.keepsClientIp === true ? ['keeps addresses'] : []),
    ...(app.isPerDevice === true ? ['one session per kind of device'] : []),
  ];
}

/** In a few words, for a list. */
export function describeKind({ kind, componentAppid, corps = [] }: ListedApp): string {
  if (kind === 'component') return `component of ${toPlainText(componentAppid ?? '?')}`;
  if (kind === 'wecom') return `wecom of ${corps.join(', ')}`;
  return toPlainText(kind);
}
