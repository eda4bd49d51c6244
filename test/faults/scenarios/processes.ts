import {
  alwaysHolds,
  describeErrors,
  must,
  mustWithin,
  recoversWithin,
  type Check,
  type Fault,
  type Seen,
} from '../support/fault.ts';
import { watchExchanges } from '../support/exchanges.ts';
import { errorCount, total } from '../support/tally.ts';

/** A killed worker's log-ins go on in another one after at most this long: lock and stalled interval. */
const takeOverMs = 4500;

/** What a worker's death may cost: the log-ins that WeChat had not answered yet. */
function costsAtMost(exchanges: number, seen: Seen): Check[] {
  const { errors, slowestMs } = total(seen.tally, 'login');
  const failed = errorCount(total(seen.tally, 'login'));
  return [
    must(
      'clear errors at most for log-ins that WeChat had not answered',
      failed <= exchanges,
      `${failed} of ${exchanges}: ${describeErrors(errors)}`,
    ),
    mustWithin('every log-in is answered', 5000, slowestMs),
  ];
}

function checksOfWorkerLost(seen: Seen, underWay: number, exchanges: ReturnType<typeof watchExchanges>): Check[] {
  return [
    ...alwaysHolds(seen),
    ...costsAtMost(underWay, seen),
    ...exchanges.checks(seen),
    ...recoversWithin(5000, seen),
  ];
}

export const workerKilled: Fault = {
  name: 'worker-killed',
  title: 'kill -9 of 1 of 2 workers',
  holds: 'every log-in is answered, none wrongly',
  async run({ site: getSite, underLoad, lengths }) {
    const site = await getSite();
    const exchanges = watchExchanges(site);
    let underWay = 0;
    const seen = await underLoad(site, async (load) => {
      for (let round = 0; round < lengths.kills; round++) {
        const worker = site.workers[round % site.workers.length];
        underWay += exchanges.underWay();
        await worker?.die();
        await load.last(takeOverMs);
        await worker?.start();
      }
    });
    return {
      ...seen,
      checks: checksOfWorkerLost(seen, underWay, exchanges),
    };
  },
};

export const workerStopped: Fault = {
  name: 'worker-stopped',
  title: 'SIGSTOP of a worker, then SIGCONT',
  holds: 'every log-in is answered, and the woken worker does no harm',
  async run({ site: getSite, underLoad, lengths }) {
    const site = await getSite();
    const exchanges = watchExchanges(site);
    let underWay = 0;
    const [worker] = site.workers;
    const seen = await underLoad(site, async (load) => {
      underWay = exchanges.underWay();
      worker?.kill('SIGSTOP');
      try {
        await load.last(lengths.pauseMs);
      } finally {
        worker?.kill('SIGCONT');
      }
    });
    return {
      ...seen,
      checks: checksOfWorkerLost(seen, underWay, exchanges),
    };
  },
};

export const webKilled: Fault = {
  name: 'web-killed',
  title: 'kill -9 of 1 of 2 front ends',
  holds: 'only requests on its sockets fail, and no session is lost',
  async run({ site: getSite, underLoad, lengths }) {
    const site = await getSite();
    const seen = await underLoad(site, async (load) => {
      for (let round = 0; round < lengths.kills; round++) {
        const web = site.webs[round % site.webs.length];
        await web?.die();
        await load.last(1000);
        await web?.start();
      }
    });
    const kinds = (['login', 'check', 'probe'] as const).map((kind) => total(seen.tally, kind));
    const failed = kinds.reduce((sum, counts) => sum + errorCount(counts), 0);
    return {
      ...seen,
      checks: [
        ...alwaysHolds(seen, { cutsAllowed: true }),
        must('nothing fails but requests on its sockets', failed === 0, failed),
        ...recoversWithin(5000, seen),
      ],
    };
  },
};
