import type { Now } from '../../shared/administration/now/now.ts';
import type { AppRates, Rates } from '../../shared/administration/now/rates.ts';
import { toPlainText } from '../../shared/log/plain-text.ts';
import { formatTable } from './text.ts';

/** How the system is, for a terminal: what is wrong first. */
export function describeNow(now: Now): string {
  const { degraded, windowSeconds } = now;
  const trouble = degraded.flatMap(({ isFault, detail, remedy }) => [
    `${isFault ? 'FAULT  ' : 'warning'}  ${toPlainText(detail)}`,
    `         ${toPlainText(remedy)}`,
  ]);
  const span =
    windowSeconds === null
      ? 'Nobody knows yet what was counted before: run this again in ten seconds.'
      : `Per second and times are of the last ${Math.round(windowSeconds)} s.`;
  return [
    ...(trouble.length === 0 ? ['All is well.'] : trouble),
    '',
    formatTable([
      ['APP', 'LOG-INS/S', 'REFUSED', 'FAILED', 'SUCCESS', 'CHECKS/S', 'REFUSED', 'FAILED', 'SUCCESS'],
      ['all', ...describeRates(now.total)],
      ...now.apps.map((app) => [app.appid ?? 'others', ...describeRates(app)]),
    ]),
    span,
    '',
    formatTable([
      ['LOG-IN', 'HALF WITHIN', '95 % WITHIN'],
      ...now.loginTimes.map(({ stage, p50Ms, p95Ms }) => [stage, toMs(p50Ms), toMs(p95Ms)]),
    ]),
    ...describeWechat(now),
    '',
    formatTable([
      ['QUEUE', 'WAITING', 'ACTIVE', 'DELAYED', 'OLDEST'],
      ...now.queues.map(({ queue, waiting, active, delayed, oldestSeconds }) => [
        queue,
        ...[waiting, active, delayed].map(String),
        oldestSeconds === null ? '' : `${oldestSeconds.toFixed(1)} s`,
      ]),
    ]),
    '',
    formatTable([
      ['PROCESS', 'VERSION', 'CPU', 'MEMORY', 'LOOP STOOD'],
      ...now.processes.map(({ name, version, cpuShare, memoryBytes, loopDelayMs }) => [
        name,
        version ?? '',
        cpuShare === null ? '' : `${(cpuShare * 100).toFixed(0)} %`,
        memoryBytes === null ? '' : `${Math.round(memoryBytes / 1_048_576)} MB`,
        toMs(loopDelayMs),
      ]),
    ]),
    '',
    now.stores.map(({ name, isUp, ms }) => `${name} ${isUp ? toMs(ms) : 'AWAY'}`).join('   '),
  ].join('\n');
}

function describeWechat({ wechat }: Now): string[] {
  if (wechat.length === 0) return [];
  const rows = wechat.map(({ api, result, perSecond, meaning, remedy }) => [
    api,
    result,
    String(perSecond),
    [meaning, remedy].filter((text) => text !== null).join('. '),
  ]);
  return ['', formatTable([['WECHAT', 'RESULT', 'PER S', ''], ...rows])];
}

function describeRates({ logins, checks }: Omit<AppRates, 'appid'>): string[] {
  const cells = ({ okPerSecond, refusedPerSecond, failedPerSecond, successShare }: Rates) => [
    ...[okPerSecond + refusedPerSecond + failedPerSecond, refusedPerSecond, failedPerSecond].map(toRate),
    successShare === null ? '' : `${(successShare * 100).toFixed(2)} %`,
  ];
  return [...cells(logins), ...cells(checks)];
}

function toRate(perSecond: number): string {
  return perSecond.toFixed(perSecond < 10 ? 2 : 0);
}

function toMs(ms: number | null): string {
  return ms === null ? '' : `${ms} ms`;
}
