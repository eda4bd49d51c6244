import type { AlertCase } from '../alert-case.ts';
import { strangers } from './callers.ts';
import { frontEndDown, jobsWait, overloaded } from './processes.ts';
import { cacheMissed, checksFail, loginsFail, retentionLate } from './stores.ts';
import { visitsPending } from './visits.ts';
import { loginsSlow, wechatAway, wechatRefuses } from './wechat.ts';

/** One for each alert, in the order of the rules. */
export const alertCases: readonly AlertCase[] = [
  frontEndDown,
  loginsFail,
  checksFail,
  jobsWait,
  overloaded,
  loginsSlow,
  wechatRefuses,
  wechatAway,
  cacheMissed,
  visitsPending,
  strangers,
  retentionLate,
];
