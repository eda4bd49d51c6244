import { promises as dns, type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { callbackify } from 'node:util';
import pLimit from 'p-limit';
import { findBySystem, takeTurns, type FindAddresses } from './find-addresses.ts';
import { readHosts, readWholeNames, systemNameFiles, type NameFiles } from './name-files.ts';

/** Names that somebody else may have chosen, or that nothing waits for: whatever becomes of them holds up no other name of this process. */
export interface NameLookup {
  readonly findAddresses: FindAddresses;
  /** Calls off what is under way. */
  close(): void;
}

/** A name, also one that was not found, is asked for so often at most. */
const rememberedMs = 10_000;
const limitMs = 5000;
const serverTimeoutMs = 1500;
const triesPerServer = 2;
/** What says that DNS does not know the name, or that there is none: the system may know it in another way. */
const notThere = /^(ENOTFOUND|ENODATA|EBADNAME|ECONNREFUSED)$/;

/** In all of the process, so that the other threads are left to names without which it can't work. */
const systemTurn = pLimit(1);

/**
 * Asks as the system does, the file of hosts and then DNS, without a thread of it. What neither knows is left to the system, one name at a
 * time.
 * @param servers of DNS, as `dns.setServers` takes them; default: the system's
 */
export function createNameLookup({
  servers,
  files = systemNameFiles,
}: { readonly servers?: readonly string[]; readonly files?: NameFiles } = {}): NameLookup {
  const known = new Map<string, { readonly found: Promise<string[]>; until: number }>();
  const resolvers = new Set<dns.Resolver>();

  const askDns = async (host: string): Promise<string[]> => {
    const resolver = new dns.Resolver({ timeout: serverTimeoutMs, tries: triesPerServer });
    if (servers !== undefined) resolver.setServers(servers);
    resolvers.add(resolver);
    const limit = setTimeout(() => resolver.cancel(), limitMs);
    try {
      let failure: unknown;
      for (const name of await readWholeNames(files, host)) {
        const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
        const [four = [], six = []] = answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : []));
        if (four.length + six.length > 0) return takeTurns(four, six);
        const failures = answers.map((answer) =>
          answer.status === 'rejected' ? (answer.reason as unknown) : undefined,
        );
        failure = failures.find((each) => each !== undefined && !isNotThere(each)) ?? failures[0];
        // Whether the name is there nobody has said: a longer or shorter one may be somebody else's.
        if (!isNotThere(failure)) break;
      }
      throw failure;
    } finally {
      clearTimeout(limit);
      resolvers.delete(resolver);
    }
  };

  const find: FindAddresses = async (host) => {
    const own = await readHosts(files, host);
    if (own.length > 0) return own;
    try {
      return await askDns(host);
    } catch (error) {
      if (!isNotThere(error)) throw error;
      return systemTurn(findBySystem, host);
    }
  };

  const remember = (host: string): Promise<string[]> => {
    const now = performance.now();
    for (const [name, { until }] of known) if (until < now) known.delete(name);
    const entry = { found: find(host), until: Number.POSITIVE_INFINITY };
    known.set(host, entry);
    const settle = () => {
      entry.until = performance.now() + rememberedMs;
    };
    entry.found.then(settle, settle);
    return entry.found;
  };

  return {
    async findAddresses(host) {
      const entry = known.get(host);
      const isFresh = entry !== undefined && performance.now() <= entry.until;
      return [...(await (isFresh ? entry.found : remember(host)))];
    },
    close() {
      for (const resolver of resolvers) resolver.cancel();
    },
  };
}

function isNotThere(error: unknown): boolean {
  return notThere.test(String((error as { code?: unknown } | undefined)?.code));
}

/** As Node's own connections take it. */
export function toLookupFunction({ findAddresses }: NameLookup): LookupFunction {
  const find = callbackify(
    async (host: string, wanted: LookupOptions['family']): Promise<[LookupAddress, ...LookupAddress[]]> => {
      const found = (await findAddresses(host)).map((address) => ({ address, family: isIP(address) }));
      const [first, ...others] = found.filter(({ family }) => (wanted !== 4 && wanted !== 6) || family === wanted);
      if (first === undefined) throw Object.assign(new Error('the name has no such address'), { code: 'ENOTFOUND' });
      return [first, ...others];
    },
  );
  return (host, { family, all }, done) => {
    find(host, family, (error, found) => {
      if (error !== null) done(error, '');
      else if (all === true) done(null, found);
      else done(null, found[0].address, found[0].family);
    });
  };
}
