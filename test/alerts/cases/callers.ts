import { createCallerKey } from '../../../shared/callers/caller-key.ts';
import { startStack } from '../../support/stack.ts';
import type { AlertCase } from '../alert-case.ts';
import { pace } from '../pace.ts';

export const strangers: AlertCase = {
  alert: 'WaferStrangers',
  fault: 'a back end goes on with a key that nobody has, 25 times a second',
  async open(onClose) {
    const { urls } = await startStack({ onClose });
    const url = `${urls[0]}/k/${createCallerKey()}/mina_auth/`;
    let stop: (() => Promise<void>) | undefined;
    onClose(async () => stop?.());
    return {
      urls,
      breakIt: async () => (stop = pace(25, async () => (await fetch(url, { method: 'POST', body: '{}' })).text())),
      mend: async () => stop?.(),
    };
  },
};
