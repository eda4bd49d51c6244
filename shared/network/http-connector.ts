import { callbackify } from 'node:util';
import { buildConnector } from 'undici';
import { connectToHost } from './connect-to-host.ts';

const connect = callbackify(connectToHost);
/** undici's own. */
const limitMs = 10_000;

/** How undici connects to a host all of whose addresses have the whole time. */
export function createHttpConnector(): buildConnector.connector {
  const secure = buildConnector({ timeout: limitMs });
  return (target, done) => {
    const isTls = target.protocol === 'https:';
    const port = Number(target.port === '' ? (isTls ? 443 : 80) : target.port);
    const host = target.hostname.replace(/^\[|\]$/g, '');
    connect({ host, port }, limitMs, (error, socket) => {
      if (error !== null) done(error, null);
      else if (isTls) secure({ ...target, httpSocket: socket }, done);
      else done(null, socket);
    });
  };
}
