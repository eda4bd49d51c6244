import type { Log } from '../../../shared/log/log.ts';

const signing =
  'WeChat wants signed requests for this app, which this server does not send: switch API signing off at mp.weixin.qq.com, Development settings';

/** WeChat's errcodes that somebody has to do something about, with what to do. */
const remedies = {
  '40013':
    'WeChat does not know this appid (40013): correct it with wafer app remove and app set, then check with wafer doctor',
  '40125':
    'WeChat refuses the app secret (40125): set the AppSecret of mp.weixin.qq.com, Development settings, with wafer app set',
  '40164':
    'WeChat does not accept the address of this machine (40164): add it to the IP allow-list at mp.weixin.qq.com, Development settings',
  '40230': signing,
  '40231': signing,
  '40232': signing,
  '40233': signing,
  '40234': signing,
  '40235': signing,
  '40236': signing,
  '61003':
    'This app has not authorised the third-party platform, or no longer does (61003): have its owner authorise it again; is the platform the right one (wafer app set --component)?',
} as const;

export type AlertErrcode = keyof typeof remedies;

export const alertErrcodes = Object.keys(remedies) as AlertErrcode[];

/** Errcodes that stay until somebody acts. Each process has its own view. */
export interface Alerts {
  /** Takes note of an answer. @param errcode undefined after a success, which ends the alerts of this app and call */
  note(appid: string, api: string, errcode: string | undefined): void;
}

const logAgainMs = 60_000;

/**
 * @param raised how many pairs of app and call have this errcode at present
 * @param onNew of an app, a call and an errcode, when it was not there before
 */
export function createAlerts(
  log: Log,
  raised: (errcode: AlertErrcode, count: number) => void,
  onNew: (appid: string, api: string, errcode: AlertErrcode) => void = () => undefined,
): Alerts {
  const current = new Map<string, AlertErrcode>();
  const loggedAt = new Map<string, number>();
  const report = () => {
    for (const errcode of alertErrcodes) {
      raised(errcode, [...current.values()].filter((each) => each === errcode).length);
    }
  };
  const logOften = (appid: string, api: string, errcode: AlertErrcode) => {
    const key = `${appid}\0${errcode}`;
    if (performance.now() - (loggedAt.get(key) ?? Number.NEGATIVE_INFINITY) < logAgainMs) return;
    loggedAt.set(key, performance.now());
    log.error({ appid, api, errcode }, remedies[errcode]);
  };
  report();
  return {
    note(appid, api, errcode) {
      const key = `${appid}\0${api}`;
      if (errcode === undefined) {
        if (current.delete(key)) report();
      } else if (isAlert(errcode)) {
        if (current.get(key) !== errcode) onNew(appid, api, errcode);
        current.set(key, errcode);
        report();
        logOften(appid, api, errcode);
      }
    },
  };
}

function isAlert(errcode: string): errcode is AlertErrcode {
  return Object.hasOwn(remedies, errcode);
}
