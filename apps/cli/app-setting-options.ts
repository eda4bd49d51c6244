import { toPlainText } from '../../shared/log/plain-text.ts';
import { Option } from 'commander';
import type { App } from '../../shared/store/app-reader.ts';
import type { AppInfoRow } from '../../shared/store/models.ts';
import { UsageFailure } from './result.ts';

/** What `app set` can change beside the secret; what is left out stays as it is. */
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
];

/** The columns that the options change. */
export function settingColumns(options: AppSettingOptions): Partial<AppInfoRow> {
  const {
    loginDuration,
    sessionDuration,
    policy,
    maxSessions,
    grace,
    watermarkMaxAge,
    phoneData,
    allowSign,
    undecrypted,
  } = options;
  return {
    ...(loginDuration === undefined ? {} : { login_duration: loginDuration }),
    ...(sessionDuration === undefined ? {} : { session_duration: sessionDuration }),
    ...(options.default === true ? { is_default: 1 } : {}),
    ...(policy === undefined ? {} : { session_policy: policy }),
    ...(maxSessions === undefined ? {} : { max_sessions: maxSessions }),
    ...(grace === undefined ? {} : { grace_seconds: grace }),
    ...(watermarkMaxAge === undefined ? {} : { watermark_max_age_seconds: watermarkMaxAge || null }),
    ...(phoneData === undefined ? {} : { phone_data: phoneData ? 1 : 0 }),
    ...(allowSign === undefined ? {} : { allow_sign: allowSign ? 1 : 0 }),
    ...(undecrypted === undefined ? {} : { undecrypted }),
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
  ];
}
