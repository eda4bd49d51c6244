import type { OnClose } from '../../support/closing.ts';
import { runUnderLoad, type Drill, type Lengths } from './fault.ts';
import type { Rates } from './load.ts';
import { startSite, type Site } from './site.ts';

export const shortLengths: Lengths = { outageMs: 3000, kills: 2, reloads: 2, pauseMs: 5500 };
export const longLengths: Lengths = { outageMs: 30_000, kills: 10, reloads: 20, pauseMs: 10_000 };

/** The site is started when the first fault asks for it. */
export function createDrill({
  onClose,
  lengths,
  rates,
  random,
}: {
  readonly onClose: OnClose;
  readonly lengths: Lengths;
  readonly rates: Rates;
  readonly random: () => number;
}): Drill {
  let site: Promise<Site> | undefined;
  return {
    onClose,
    lengths,
    site: () => (site ??= startSite({ onClose })),
    underLoad: (site, meanwhile, urls = site.webs.map(({ url }) => url)) =>
      runUnderLoad(site, urls, rates, random, meanwhile),
  };
}
