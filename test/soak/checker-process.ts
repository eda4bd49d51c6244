// Checks a session again and again, in a process that does nothing else, so that it measures the server and not what runs beside it.
import { offer } from '../support/offered.ts';

process.on('message', ({ url, session, perSecond, seconds }: CheckOrder) => {
  void offer(url, 'qcloud.cam.auth', () => session, { perSecond, seconds }).then((answers) => process.send?.(answers));
});

/** What it is told to do; it sends back all answers. */
export interface CheckOrder {
  readonly url: string;
  readonly session: object;
  readonly perSecond: number;
  readonly seconds: number;
}
