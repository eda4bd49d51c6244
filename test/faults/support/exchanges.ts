import { must, type Check, type Seen } from './fault.ts';
import type { Site } from './site.ts';

/** What WeChat was asked during a fault. */
export interface Exchanges {
  /** Codes that WeChat has in hand just now, or has had so lately that the worker may not have recorded the answer. */
  underWay(): number;
  /** More than one call for a code is for those alone whose asker died. */
  checks(seen: Seen): Check[];
}

/** From a worker's call to the record of its answer, on a machine that is busy. */
const recordedAfterMs = 300;

export function watchExchanges(site: Site): Exchanges {
  let counted = 0;
  return {
    underWay() {
      const underWay = site.exchangesSince(performance.now() - recordedAfterMs);
      counted += underWay;
      return underWay;
    },
    checks({ users }) {
      const { codes } = site.wechat.stats();
      const own = users.flatMap(({ name, logins }) =>
        Array.from({ length: logins }, (_, index) => `${name}~${index + 1}`),
      );
      const again = own.filter((code) => (codes[code] ?? 0) > 1).length;
      const most = own.reduce((max, code) => Math.max(max, codes[code] ?? 0), 0);
      return [
        must(
          'WeChat is asked again only for what it had not answered',
          again <= counted,
          `${again} codes again, ${counted} under way`,
        ),
        must('no code is asked more than twice', most <= 2, most),
      ];
    },
  };
}
