/** Runs work; calls of one company (a job) whose work ends at about the same time continue in the same tick. */
export type Gather = <Result>(company: object, work: () => Promise<Result>) => Promise<Result>;

/**
 * Lets calls of one job that WeChat answers within `maxWaitMs` of each other continue together, so that their next
 * steps share a batch: a step costs mostly its share of the batch. A call that is the only one at work in its job never
 * waits.
 *
 * @param maxWaitMs how long a slow call can hold up the others, in whole milliseconds
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
