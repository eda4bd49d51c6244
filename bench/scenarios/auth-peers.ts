import { compareAuthEvenly } from './auth.ts';
import type { Scenario } from './scenario.ts';

/** Koa with router, body parser and one GET: what one writes in an afternoon. */
export const authVsKoaPlain: Scenario = (bench) => compareAuthEvenly(bench, 'auth.vs-koa-plain', 'koa-plain', 'plain');

export const authVsExpressSession: Scenario = (bench) =>
  compareAuthEvenly(bench, 'auth.vs-express-session', 'express-session', 'express-session');

export const authVsFastifySession: Scenario = (bench) =>
  compareAuthEvenly(bench, 'auth.vs-fastify-session', 'fastify-session', 'fastify-session');

export const authVsKoaSession: Scenario = (bench) =>
  compareAuthEvenly(bench, 'auth.vs-koa-session', 'koa-session', 'koa-session');
