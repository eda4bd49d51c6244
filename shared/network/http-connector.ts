import { callbackify } from 'node:util';
import { buildConnector } from 'undici';
import { connectToHost } from './connect-to-host.ts';
import { findBySystem, type FindAddresses } from './find-addresses.ts';

type Accepts = (address: string, protocol: string) => boolean;
const connect = callbackify(
  (host: string, port: number, accepts: (address: string) => boolean, findAddresses: FindAddresses) =>
    connectToHost({ host, port }, limitMs, accepts, findAddresses),
);
/** undici's own. */
const limitMs = 10_000;

/**
 * How undici connects to a host all of whose addresses have the whole time.
 * @param accepts whether an address may be connected to; protocol as in a URL, `https:`
 */
export function createHttpConnector(
  accepts: Accepts = () => true,
  findAddresses: FindAddresses = findBySystem,
): buildConnector.connector {
  const secure = buildConnector({ timeout: limitMs });
  return (target, done) => {
    const isTls = target.protocol === 'https:';
    const port = Number(target.port === '' ? (isTls ? 443 : 80) : target.port);
    const host = target.hostname.replace(/^\[|\]$/g, '');
    connect(
      host,
      port,
      (address) => accepts(address, target.protocol),
      findAddresses,
      (error, socket) => {
        if (error !== null) done(error, null);
        else if (isTls) secure({ ...target, httpSocket: socket }, done);
        else done(null, socket);
      },
    );
  };
}
