import type { Counts } from '../../metrics/counts.ts';
import { perSecond } from './rates.ts';

/** How often calls to WeChat had this result. */
export interface WechatResult {
  readonly api: string;
  /** `ok`, an errcode, or why there was no answer. */
  readonly result: string;
  readonly count: number;
  readonly perSecond: number;
  /** Not what a client does, and not right. */
  readonly isFault: boolean;
  readonly meaning: string | null;
  readonly remedy: string | null;
}

const signing = {
  isFault: true,
  meaning: 'API signing is switched on for the app, and this server does not sign',
  remedy: 'Switch it off at mp.weixin.qq.com, Development settings, API security',
} as const;
const unreachable = {
  isFault: true,
  meaning: 'WeChat was not reached',
  remedy: 'npx wafer doctor says whether it is name, route, firewall or certificate',
} as const;

interface Meaning {
  readonly isFault: boolean;
  readonly meaning: string;
  readonly remedy: string | null;
}

const meanings: ReadonlyMap<string, Meaning> = new Map<string, Meaning>(
  Object.entries({
    '-1': { isFault: true, meaning: 'WeChat is busy; it was asked once more', remedy: null },
    '40001': tokenRefused(),
    '40014': tokenRefused(),
    '42001': tokenRefused(),
    '40013': { isFault: true, meaning: 'WeChat does not know the appid', remedy: 'Check it: npx wafer app list' },
    '40125': {
      isFault: true,
      meaning: 'The app’s secret is wrong',
      remedy: 'Look it up or reset it at mp.weixin.qq.com, then: npx wafer app set <appid>',
    },
    '40164': {
      isFault: true,
      meaning: 'The address of this server is not on the app’s list',
      remedy: 'Add it at mp.weixin.qq.com, Development settings, IP allow-list',
    },
    '40029': { isFault: false, meaning: 'The code is not valid: spent, too old, or of another app', remedy: null },
    '40163': { isFault: false, meaning: 'The code was used before', remedy: null },
    '40226': {
      isFault: false,
      meaning: 'WeChat takes this user for a risk and lets nobody log in as them',
      remedy: 'No retry helps; only the user can ask WeChat',
    },
    '41008': { isFault: false, meaning: 'The code is missing', remedy: null },
    '45009': {
      isFault: true,
      meaning: 'The quota of the day is used up',
      remedy: 'npx wafer doctor --wechat tells what is left',
    },
    '45011': { isFault: false, meaning: 'Too many calls, of one user most often', remedy: null },
    '48001': { isFault: true, meaning: 'The app may not make this call', remedy: 'Apply for it at mp.weixin.qq.com' },
    '61003': {
      isFault: true,
      meaning: 'The app has not authorised the third-party platform, or no longer does',
      remedy: 'Have its owner authorise it again',
    },
    wechat_timeout: { ...unreachable, meaning: 'WeChat did not answer in time' },
    wechat_network: unreachable,
    wechat_empty: { ...unreachable, meaning: 'WeChat’s answer was empty' },
    wechat_breaker: {
      isFault: true,
      meaning: 'WeChat was not asked, because it does not answer',
      remedy: 'Nothing: three log-ins a second try, and it goes on by itself',
    },
    invalid: {
      isFault: true,
      meaning: 'WeChat’s answer makes no sense',
      remedy: 'Is WECHAT_API_BASE right, is there a proxy?',
    },
  }),
);

function tokenRefused(): Meaning {
  return {
    isFault: true,
    meaning: 'WeChat refused the access token; it was renewed',
    remedy: 'If it goes on: does anybody else renew tokens of this app?',
  };
}

/** @returns the most frequent first */
export function toWechatResults(counts: Counts, seconds: number): WechatResult[] {
  return Object.entries(counts)
    .flatMap(([name, count]) => {
      const [kind, api = '', result = ''] = name.split(' ');
      return kind === 'wechat'
        ? [{ api, result, count, perSecond: perSecond(count, seconds), ...meaningOf(result) }]
        : [];
    })
    .toSorted((one, other) => other.count - one.count);
}

function meaningOf(result: string): { isFault: boolean; meaning: string | null; remedy: string | null } {
  if (result === 'ok') return { isFault: false, meaning: null, remedy: null };
  if (/^4023[0-6]$/.test(result)) return signing;
  if (result.startsWith('wechat_http_')) return { ...unreachable, meaning: `WeChat answered HTTP ${result.slice(12)}` };
  return (
    meanings.get(result) ?? { isFault: true, meaning: null, remedy: 'See the documentation of WeChat for this errcode' }
  );
}
