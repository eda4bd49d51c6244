import { findFreePort } from '../../../apps/local/servers/ports.ts';
import { call, newUser } from '../../support/client.ts';
import { startProcess } from '../../support/processes.ts';
import { startStack, untilReady } from '../../support/stack.ts';
import { startTestWechat } from '../../support/wechat.ts';
import type { AlertCase } from '../alert-case.ts';
import { pace } from '../pace.ts';

export const frontEndDown: AlertCase = {
  alert: 'WaferFrontEndDown',
  fault: 'the only front end of a machine is killed',
  async open(onClose) {
    const stack = await startStack({ onClose, webs: 0 });
    const port = await findFreePort();
    const url = `http://127.0.0.1:${port}`;
    const start = async () => {
      const web = startProcess('web', { ...stack.env, PORT: String(port) }, onClose);
      await untilReady(url);
      return web;
    };
    const web = await start();
    return { urls: [url], breakIt: async () => web.kill('SIGKILL'), mend: start };
  },
};

export const jobsWait: AlertCase = {
  alert: 'WaferJobsWait',
  fault: 'the only worker is killed',
  async open(onClose) {
    const stack = await startStack({ onClose, workers: 0 });
    const start = async () => {
      const worker = startProcess('worker', stack.env, onClose);
      await worker.logged('worker takes jobs');
      return worker;
    };
    const worker = await start();
    await untilReady(stack.urls[0]);
    onClose(pace(5, () => call(stack.urls[0], 'qcloud.cam.id_skey', { code: newUser() })));
    return { urls: stack.urls, breakIt: async () => worker.kill('SIGKILL'), mend: start };
  },
};

/** Of a worker that does one log-in at a time. */
const loginMs = 100;

export const overloaded: AlertCase = {
  alert: 'WaferOverloaded',
  fault: 'fifteen times as many log-ins as the workers can do',
  async open(onClose) {
    const wechat = await startTestWechat({ onClose, latencyMs: loginMs });
    const env = { WECHAT_API_BASE: wechat.url, WORKER_CONCURRENCY: '1' };
    const stack = await startStack({ onClose, env });
    const logIn = () => call(stack.urls[0], 'qcloud.cam.id_skey', { code: newUser() });
    onClose(pace(2, logIn));
    let stop: (() => Promise<void>) | undefined;
    onClose(async () => stop?.());
    return {
      urls: stack.urls,
      breakIt: async () => (stop = pace(15_000 / loginMs, logIn)),
      mend: async () => stop?.(),
    };
  },
};
