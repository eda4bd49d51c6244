import dns, { type LookupAddress } from 'node:dns';

/** The addresses of a name, those to be tried first in front. @throws where there are none */
export type FindAddresses = (host: string) => Promise<string[]>;

const underWay = new Map<string, Promise<string[]>>();

/**
 * As the system finds them, in its order. It takes one of the few threads that all of Node's own work of this kind shares, for as long as
 * nobody answers for the name, and can't be called off: a name takes one at most, however many want it.
 */
export function findBySystem(host: string): Promise<string[]> {
  const known = underWay.get(host);
  if (known !== undefined) return known.then((found) => [...found]);
  const lookup = ask(host).finally(() => underWay.delete(host));
  underWay.set(host, lookup);
  return lookup.then((found) => [...found]);
}

async function ask(host: string): Promise<string[]> {
  const found = await new Promise<LookupAddress[]>((resolve, reject) => {
    dns.lookup(host, { all: true }, (error, addresses) => (error === null ? resolve(addresses) : reject(error)));
  });
  const [first] = found;
  const ofFamily = (isFirst: boolean) =>
    found.filter(({ family }) => (family === first?.family) === isFirst).map(({ address }) => address);
  return takeTurns(ofFamily(true), ofFamily(false));
}

/** One of each in turn, the first ones first. */
export function takeTurns(ones: readonly string[], others: readonly string[]): string[] {
  return ones
    .flatMap((address, index) => [address, ...others.slice(index, index + 1)])
    .concat(others.slice(ones.length));
}
