import { createHmac } from 'node:crypto';

/** How a peer keeps a session in Redis, and what its client sends to name it. */
export interface PeerFormat {
  entryOf(session: StoredSession): readonly [key: string, value: string];
  /** The Cookie header, equally long for all sessions; undefined for peers that take id and skey in the body. */
  readonly cookieOf?: (id: string) => string;
}

interface StoredSession {
  readonly id: string;
  readonly skey: string;
  /** ASCII JSON, ready for the wire. */
  readonly userInfoJson: string;
}

const peerFormatNames = ['plain', 'express-session', 'fastify-session', 'koa-session'] as const;
export type PeerFormatName = (typeof peerFormatNames)[number];

/** bench/peers/servers know it too. */
const cookieSecret = 'the secret of the bench, 32 characters or more';
const dayMs = 86_400_000;

const sign = (algorithm: string, text: string) =>
  createHmac(algorithm, cookieSecret).update(text).digest('base64').replace(/=+$/, '');

/** All keep user_info as ready text, as ours does: none has to serialise it again. */
export const peerFormats: Readonly<Record<PeerFormatName, PeerFormat>> = {
  plain: {
    entryOf: ({ id, skey, userInfoJson }) => [`plain:${id}`, JSON.stringify({ skey, userInfo: userInfoJson })],
  },
  'express-session': {
    entryOf: ({ id, userInfoJson }) => [`express:${id}`, JSON.stringify({ cookie: cookie(), userInfo: userInfoJson })],
    cookieOf: (id) => `connect.sid=s:${id}.${sign('sha256', id)}`,
  },
  'fastify-session': {
    entryOf: ({ id, userInfoJson }) => [`fastify:${id}`, JSON.stringify({ cookie: cookie(), userInfo: userInfoJson })],
    cookieOf: (id) => `sessionId=${id}.${sign('sha256', id)}`,
  },
  'koa-session': {
    entryOf: ({ id, userInfoJson }) => [
      id,
      JSON.stringify({ userInfo: userInfoJson, _expire: Date.now() + dayMs, _maxAge: dayMs }),
    ],
    // keygrip's signature: URL-safe, of name and value.
    cookieOf: (id) =>
      `koa.sess=${id}; koa.sess.sig=${sign('sha1', `koa.sess=${id}`).replaceAll('/', '_').replaceAll('+', '-')}`,
  },
};

function cookie() {
  return {
    originalMaxAge: dayMs,
    expires: new Date(Date.now() + dayMs).toISOString(),
    secure: false,
    httpOnly: true,
    path: '/',
  };
}
