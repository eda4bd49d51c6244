// Sends requests of one kind from a process that does nothing else, so that it measures the server and not what runs beside it.
import { newUser } from '../support/client.ts';
import { offer } from '../support/offered.ts';

process.on('message', ({ url, session, perSecond, seconds }: LoadOrder) => {
  const answers =
    session === undefined
      ? offer(url, 'qcloud.cam.id_skey', () => ({ code: newUser() }), { perSecond, seconds })
      : offer(url, 'qcloud.cam.auth', () => session, { perSecond, seconds });
  void answers.then((all) => process.send?.(all));
});

/** What it is told to do; it sends back all answers. */
export interface LoadOrder {
  readonly url: string;
  /** To be checked; undefined: log-ins of new users. */
  readonly session?: object;
  readonly perSecond: number;
  readonly seconds: number;
}
