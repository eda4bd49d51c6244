import dns, { type LookupAddress } from 'node:dns';
import { connect, isIP, type Socket } from 'node:net';
import { setPatientTimeout } from '../async/patience.ts';

/** How long an address has for itself until the next one is tried beside it, as RFC 8305 recommends. */
const headStartMs = 250;

/**
 * Connects to a host, all of whose addresses have the whole time: Node's own way gives each of them 250 ms and then gives it up, so
 * that a server farther away is never reached under a name with addresses of both families.
 * @param limitMs for the name and for the connection together
 * @throws the error of the address that could be reached best; ConnectTimeoutError
 */
export async function connectToHost(
  { host, port }: { readonly host: string; readonly port: number },
  limitMs: number,
): Promise<Socket> {
  const attempts = new Set<Socket>();
  let headStart: NodeJS.Timeout | undefined;
  let limit: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Socket>((resolve, reject) => {
      limit = setPatientTimeout(() => reject(new ConnectTimeoutError(limitMs)), limitMs);
      const start = (addresses: string[]) => {
        const failures: Error[] = [];
        const tryNext = () => {
          clearTimeout(headStart);
          const address = addresses.shift();
          if (address === undefined) {
            if (attempts.size === 0) reject(chooseFailure(failures));
            return;
          }
          const socket = connect({ host: address, port, noDelay: true, keepAlive: true });
          attempts.add(socket);
          const onError = (error: Error) => {
            attempts.delete(socket);
            failures.push(error);
            tryNext();
          };
          socket.once('error', onError).once('connect', () => {
            socket.off('error', onError);
            attempts.delete(socket);
            resolve(socket);
          });
          if (addresses.length > 0) headStart = setTimeout(tryNext, headStartMs);
        };
        tryNext();
      };
      if (isIP(host) !== 0) start([host]);
      else findAddresses(host).then(start, reject);
    });
  } finally {
    clearTimeout(headStart);
    clearTimeout(limit);
    for (const socket of attempts)
      socket
        .removeAllListeners('error')
        .on('error', () => undefined)
        .destroy();
  }
}

/** In the order of the resolver, its families in turn. */
async function findAddresses(host: string): Promise<string[]> {
  const found = await new Promise<LookupAddress[]>((resolve, reject) => {
    dns.lookup(host, { all: true }, (error, addresses) => (error === null ? resolve(addresses) : reject(error)));
  });
  const [first] = found;
  const same = found.filter(({ family }) => family === first?.family);
  const other = found.filter(({ family }) => family !== first?.family);
  return same
    .flatMap(({ address }, index) => [address, ...other.slice(index, index + 1).map((next) => next.address)])
    .concat(other.slice(same.length).map(({ address }) => address));
}

/** That there is no way to one family says nothing about the server. */
function chooseFailure(failures: readonly Error[]): Error {
  const isNoWay = (error: Error) => /^(ENETUNREACH|EHOSTUNREACH|EADDRNOTAVAIL|EAFNOSUPPORT)$/.test(codeOf(error));
  return failures.find((error) => !isNoWay(error)) ?? failures[0] ?? new Error('the name has no address');
}

const codeOf = (error: Error) => (error as { code?: string }).code ?? '';

class ConnectTimeoutError extends Error {
  readonly code = 'ETIMEDOUT';

  constructor(limitMs: number) {
    super(`no connection within ${limitMs} ms`);
    this.name = 'ConnectTimeoutError';
  }
}
