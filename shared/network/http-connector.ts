import { buildConnector } from 'undici';
import { connectToHost } from './connect-to-host.ts';

/** undici's own. */
const limitMs = 10_000;

/** How undici connects to a host all of whose addresses have the whole time. */
export function createHttpConnector(): buildConnector.connector {
  const secure = buildConnector({ timeout: limitMs });
  return (target, done) => {
    const isTls = target.protocol === 'https:';
    const port = Number(target.port === '' ? (isTls ? 443 : 80) : target.port);
    const host = target.hostname.replace(/^\[|\]$/g, '');
    connectToHost({ host, port }, limitMs).then(
      (socket) => (isTls ? secure({ ...target, httpSocket: socket }, done) : done(null, socket)),
      (error: Error) => done(error, null),
    );
  };
}
