import type { OnClose } from '../../support/closing.ts';
import { runUnderLoad, type Drill, type Fault, type Lengths, type Outcome } from './fault.ts';
import type { Rates } from './load.ts';
import { startSite, type Site } from './site.ts';

export const shortLengths: Lengths = { outageMs: 3000, kills: 2, reloads: 2, pauseMs: 5500, logins: 300 };
export const longLengths: Lengths = { outageMs: 30_000, kills: 10, reloads: 20, pauseMs: 10_000, logins: 10_000 };

/** Runs faults one after another. */
export interface Drills {
  /** What the fault started for itself has ended when this resolves. */
  run(fault: Fault): Promise<Outcome>;
}

/** The site that faults share is started when the first of them asks for it, and ends with `onClose`. */
export function createDrills({
  onClose,
  lengths,
  rates,
  random,
}: {
  readonly onClose: OnClose;
  readonly lengths: Lengths;
  readonly rates: Rates;
  readonly random: () => number;
}): Drills {
  let site: Promise<Site> | undefined;
  const common: Omit<Drill, 'onClose'> = {
    lengths,
    site: () => (site ??= startSite({ onClose })),
    underLoad: (site, meanwhile, urls = site.webs.map(({ url }) => url)) =>
      runUnderLoad(site, urls, rates, random, meanwhile),
  };
  // An interrupted run ends by this.
  let closers: (() => Promise<unknown>)[] = [];
  const closeOwn = async () => {
    const own = closers.toReversed();
    closers = [];
    for (const close of own) await close().catch(() => undefined);
  };
  onClose(closeOwn);
  return {
    async run(fault) {
      try {
        return await fault.run({ ...common, onClose: (close) => void closers.push(close) });
      } finally {
        await closeOwn();
      }
    },
  };
}
