import { toAsciiJson, toAsciiString } from '../../../shared/protocol/ascii-json.ts';
import { succeed, type Outcome } from '../../../shared/protocol/outcome.ts';
import type { JsonDocument } from '../../../shared/protocol/php-json.ts';
import { isAnonymous, renderUserInfo } from '../../../shared/session/user-info.ts';
import type { App } from '../../../shared/store/app-reader.ts';
import type { CodeRecord } from './code-ledger.ts';
import type { LoginRun } from './login-run.ts';
import type { WrittenSession } from './login-session.ts';
import type { AcceptedProfile } from './read-profile.ts';

/** Answers a log-in whose session is written, and logs it. */
export function answerLogin(
  { context, times }: LoginRun,
  app: App,
  { skey, expiresIn }: CodeRecord,
  profile: AcceptedProfile,
  written: WrittenSession,
): Outcome {
  const { row, id, isNew, storedProfile } = written;
  // A log-in with the code alone answers what is known of the user; one with user data, what it decrypted.
  const userInfo: JsonDocument | undefined = profile.sent === 'nothing' ? storedProfile : profile.sent;
  const duration = expiresIn ?? Math.min(app.loginDurationDays * 86_400, app.sessionDurationSeconds);
  const data = [
    `"id":${toAsciiString(id)}`,
    `"skey":${toAsciiString(skey)}`,
    `"user_info":${renderUserInfo(userInfo)}`,
    `"duration":${toAsciiJson(JSON.stringify(duration))}`,
  ];
  const { web, log } = context;
  const { reason } = profile;
  log.info({ appid: app.appid, row, isNew, isAnonymous: isAnonymous(userInfo), reason, web, ...times }, 'log-in');
  return succeed(isNew ? 'NEW_SESSION_SUCCESS' : 'UPDATE_SESSION_SUCCESS', `{${data.join(',')}}`, reason);
}
