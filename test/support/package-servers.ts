import { text } from 'node:stream/consumers';
import express from 'express';
import fastify from 'fastify';
import Koa from 'koa';
import { Router } from '@koa/router';

import * as forExpress from '../../packages/node/src/express.ts';
import * as forFastify from '../../packages/node/src/fastify.ts';
import * as forKoa from '../../packages/node/src/koa.ts';
import type { WaferSession } from '../../packages/node/src/wafer-session.ts';
import type { OnClose } from './closing.ts';
import { listen } from './listen.ts';

/**
 * Back ends that use @wafer-session/node: `/login`, `/logout`, `/profile`, which answers who the user is, and (Express)
 * `/upload`, which answers the name of the file.
 */
export type Framework = 'express' | 'koa' | 'fastify';

export const frameworks: readonly Framework[] = ['express', 'koa', 'fastify'];

/** @returns its address */
export function startFramework(framework: Framework, wafer: WaferSession, onClose: OnClose): Promise<string> {
  return { express: startExpress, koa: startKoa, fastify: startFastify }[framework](wafer, onClose);
}

function startExpress(wafer: WaferSession, onClose: OnClose): Promise<string> {
  const { requireSession, loginHandler, logoutHandler, userOf } = forExpress;
  const app = express();
  app.all('/login', loginHandler(wafer, { clientIp: (request) => request.ip }));
  app.post('/logout', logoutHandler(wafer));
  app.get('/profile', requireSession(wafer), (request, response) => void response.json(userOf(request)));
  app.post('/upload', requireSession(wafer), async (request, response) => {
    response.json({ file: /filename="([^"]*)"/.exec(await text(request))?.[1] });
  });
  return listen(app, onClose);
}

function startKoa(wafer: WaferSession, onClose: OnClose): Promise<string> {
  const { requireSession, loginHandler, logoutHandler, userOf } = forKoa;
  const router = new Router();
  router.all('/login', loginHandler(wafer, { clientIp: (context) => context.ip }));
  router.post('/logout', logoutHandler(wafer));
  router.get('/profile', requireSession(wafer), (context) => {
    context.body = userOf(context);
  });
  return listen(new Koa().use(router.routes()).callback(), onClose);
}

async function startFastify(wafer: WaferSession, onClose: OnClose): Promise<string> {
  const { requireSession, loginHandler, logoutHandler, userOf } = forFastify;
  const app = fastify();
  app.post('/login', loginHandler(wafer, { clientIp: (request) => request.ip }));
  app.post('/logout', logoutHandler(wafer));
  app.get('/profile', { preHandler: requireSession(wafer) }, async (request) => userOf(request));
  onClose(async () => {
    await app.close();
  });
  return app.listen({ port: 0, host: '127.0.0.1' });
}
