import { runCli } from '../../apps/cli/run-cli.ts';
import { call, newUser } from '../../support/client.ts';
import type { OnClose } from '../../support/closing.ts';
import { startHostileWechat } from '../../support/hostile-wechat.ts';
import { startStack, testAppid, testSecret } from '../../support/stack.ts';
import { startTestWechat } from '../../support/wechat.ts';
import type { AlertCase } from '../alert-case.ts';
import { pace } from '../pace.ts';

/** A WeChat that can be broken, with log-ins. */
async function openHostile(onClose: OnClose, env: Record<string, string> = {}) {
  const wechat = await startHostileWechat({ onClose });
  const stack = await startStack({ onClose, env: { WECHAT_API_BASE: wechat.url, ...env } });
  onClose(pace(10, () => call(stack.urls[0], 'qcloud.cam.id_skey', { code: newUser() })));
  return { wechat, urls: stack.urls };
}

export const wechatAway: AlertCase = {
  alert: 'WaferWechatAway',
  fault: 'WeChat refuses connections',
  async open(onClose) {
    const { wechat, urls } = await openHostile(onClose);
    return { urls, breakIt: () => wechat.stop(), mend: () => wechat.start() };
  },
};

export const loginsSlow: AlertCase = {
  alert: 'WaferLoginsSlow',
  fault: 'WeChat takes six seconds to answer',
  async open(onClose) {
    const { wechat, urls } = await openHostile(onClose, { WECHAT_TIMEOUT_MS: '7000' });
    return {
      urls,
      breakIt: async () => (wechat.mood = 'slow'),
      mend: async () => (wechat.mood = 'well'),
    };
  },
};

export const wechatRefuses: AlertCase = {
  alert: 'WaferWechatRefuses',
  fault: 'the secret that is set with `wafer app set` is not the app’s',
  async open(onClose) {
    const wechat = await startTestWechat({ onClose, apps: new Map([[testAppid, testSecret]]) });
    const stack = await startStack({ onClose, env: { WECHAT_API_BASE: wechat.url } });
    onClose(pace(5, () => call(stack.urls[0], 'qcloud.cam.id_skey', { code: newUser() })));
    const set = (secret: string) => runCli(stack.env, ['app', 'set', testAppid], { stdin: secret });
    return { urls: stack.urls, breakIt: () => set(testSecret.replaceAll('0', 'f')), mend: () => set(testSecret) };
  },
};
