/** Runs work, and lets those of one company whose work ends at about the same time go on in one turn of the event loop. */
export type Gather = <Result>(company: object, work: () => Promise<Result>) => Promise<Result>;

/**
 * WeChat answers one log-in at a time, and what each later step costs is mostly its share of a group: without this the first log-in of a
 * job goes on alone, and the others behind it in as many groups as chance has it. One with nobody else of its company at work never waits.
 *
 * @param maxWaitMs one that is slow keeps the others no longer than this, whole milliseconds
 */
export function createGather(maxWaitMs: number): Gather {
  const companies = new WeakMap<object, Company>();
  return async (key, work) => {
    let company = companies.get(key);
    if (company === undefined) companies.set(key, (company = { atWork: 0, arrived: [] }));
    company.atWork++;
    try {
      return await work();
    } finally {
      company.atWork--;
      if (company.atWork === 0) letGo(company);
      else await arrive(company, maxWaitMs);
    }
  };
}

interface Company {
  atWork: number;
  arrived: (() => void)[];
  timer?: NodeJS.Timeout | undefined;
}

function arrive(company: Company, maxWaitMs: number): Promise<void> {
  company.timer ??= setTimeout(letGo, maxWaitMs, company);
  return new Promise((resolve) => company.arrived.push(resolve));
}

function letGo(company: Company): void {
  clearTimeout(company.timer);
  company.timer = undefined;
  for (const go of company.arrived.splice(0)) go();
}
