import { toPlainText } from '../../shared/log/plain-text.ts';
import type { SessionDetails, SessionInRedis } from '../../shared/administration/session-details.ts';
import type { EndReason } from '../../shared/session/ended-skeys.ts';
import { toWallClock } from '../../shared/session/wall-clock.ts';

/** One session as `session show` tells it; holds no secret. */
export function reportSession({ session, limitsOf, expiresAt, passed, cached, pendingVisitTime }: SessionDetails) {
  const {
    skeyHash: _hash,
    fence: _fence,
    createTime,
    lastVisitTime,
    isEnded,
    ends,
    isSuperseded,
    unionId,
    nickName,
    ...names
  } = session;
  const reasons = [
    ...(isEnded ? [ends[0] === undefined ? 'ended by a later log-in or revoked' : endWords[ends[0].reason]] : []),
    ...(isSuperseded ? ['another row with this id is newer'] : []),
    ...(expiresAt === undefined ? [session.appid === '' ? 'no app is configured' : 'its app was removed'] : []),
    ...(passed === undefined ? [] : ['expired']),
  ];
  return {
    ...names,
    unionId: unionId ?? null,
    nickName: nickName ?? null,
    limitsOf: limitsOf ?? null,
    createTime: describeTime(createTime),
    lastVisitTime: describeTime(lastVisitTime),
    pendingVisitTime: pendingVisitTime === undefined ? null : describeTime(pendingVisitTime),
    expiresAt: expiresAt === undefined ? null : describeTime(expiresAt),
    isValid: reasons.length === 0,
    reasons,
    skeysBefore: ends.map(({ reason, time }) => ({ reason, endTime: describeTime(time) })),
    cached,
  };
}

export type SessionReport = ReturnType<typeof reportSession>;

export function formatSession(report: SessionReport): string {
  const time = (value: ReturnType<typeof describeTime> | null) =>
    value === null ? '-' : `${value.local} (here), ${value.utc8} (UTC+8, as in the database)`;
  const lines: [string, string][] = [
    ['id', toPlainText(report.id)],
    ['row', String(report.row)],
    [
      'app',
      report.appid === ''
        ? `the default one${report.limitsOf === null ? '' : `, ${toPlainText(report.limitsOf)}`}`
        : toPlainText(report.appid),
    ],
    ['open_id', toPlainText(report.openId)],
    ['union_id', toPlainText(report.unionId ?? '-')],
    ['nickName', toPlainText(report.nickName ?? '-')],
    ...(report.device === null
      ? []
      : [
          ['device', toPlainText([report.device.kind, report.device.label ?? ''].join(' ').trim())] satisfies [
            string,
            string,
          ],
        ]),
    ...(report.clientIp === null ? [] : [['address', toPlainText(report.clientIp)] satisfies [string, string]]),
    ['logged in', time(report.createTime)],
    ...(report.caller === null ? [] : [['  by caller', toPlainText(report.caller)] satisfies [string, string]]),
    ['last visit', time(report.lastVisitTime)],
    ...(report.pendingVisitTime === null
      ? []
      : [['  on its way', time(report.pendingVisitTime)] satisfies [string, string]]),
    ['valid until', time(report.expiresAt)],
    ['valid now', report.isValid ? 'yes, for whoever has its skey' : `no: ${report.reasons.join('; ')}`],
    ...report.skeysBefore.map(({ reason, endTime }, index): [string, string] => [
      index === 0 ? 'skeys before' : '',
      `${endWords[reason]}: ${endTime.local}`,
    ]),
    ['cached', cacheWords[report.cached]],
  ];
  return lines.map(([name, value]) => `${name.padEnd(13)}${value}`).join('\n');
}

const endWords: Readonly<Record<EndReason, string>> = {
  replaced: 'replaced by a later log-in',
  revoked: 'revoked',
  logged_out: 'logged out',
  expired: 'expired, then replaced by a later log-in',
  idle: 'idle for too long, then replaced by a later log-in',
};

const cacheWords: Readonly<Record<SessionInRedis['cached'], string>> = {
  same: 'yes, as in the database',
  differs: 'yes, but with another skey: the next check reads the database',
  changing: 'no, it is being read or written just now',
  none: 'no',
  unknown: 'not known: Redis does not answer',
};

export function describeTime(epochSeconds: number) {
  const offsetMinutes = -new Date(epochSeconds * 1000).getTimezoneOffset();
  const local = new Date((epochSeconds + offsetMinutes * 60) * 1000).toISOString().slice(0, 19).replace('T', ' ');
  const sign = offsetMinutes < 0 ? '-' : '+';
  const twoDigits = (value: number) => String(Math.floor(Math.abs(value))).padStart(2, '0');
  return {
    epochSeconds,
    local: `${local} ${sign}${twoDigits(offsetMinutes / 60)}:${twoDigits(Math.abs(offsetMinutes) % 60)}`,
    utc8: toWallClock(epochSeconds),
  };
}
