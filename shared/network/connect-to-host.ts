import { connect, isIP, type Socket } from 'node:net';
import { setPatientTimeout } from '../async/patience.ts';
import { findBySystem, type FindAddresses } from './find-addresses.ts';

/** How long an address has for itself until the next one is tried beside it, as RFC 8305 recommends. */
const headStartMs = 250;

/**
 * Connects to a host, all of whose addresses have the whole time: Node's own way gives each of them 250 ms and then gives it up, so
 * that a server farther away is never reached under a name with addresses of both families.
 * @param limitMs for the name and for the connection together
 * @param accepts whether an address may be connected to: with one that may not the name leads nowhere. What is looked at is what is
 * connected to; the name is not looked up a second time.
 * @throws the error of the address that could be reached best; ConnectTimeoutError; AddressRefusedError
 */
export async function connectToHost(
  { host, port }: { readonly host: string; readonly port: number },
  limitMs: number,
  accepts: (address: string) => boolean = () => true,
  findAddresses: FindAddresses = findBySystem,
): Promise<Socket> {
  const attempts = new Set<Socket>();
  let headStart: NodeJS.Timeout | undefined;
  let limit: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Socket>((resolve, reject) => {
      limit = setPatientTimeout(() => reject(new ConnectTimeoutError(limitMs)), limitMs);
      const start = (addresses: string[]) => {
        if (!addresses.every(accepts)) {
          reject(new AddressRefusedError());
          return;
        }
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

/** Who asks must not be led there. */
class AddressRefusedError extends Error {
  readonly code = 'EREFUSEDADDRESS';

  constructor() {
    super('the name has an address that may not be connected to');
    this.name = 'AddressRefusedError';
  }
}
