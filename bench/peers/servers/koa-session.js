// koa-session with koa-redis, as their manuals have it; `renew` extends the life of a session in use, writing it twice in its life.
import Koa from 'koa';
import redisStore from 'koa-redis';
import session from 'koa-session';
import { cookieSecret, failure, successOf } from './answers.js';

const createSession = session.createSession ?? session.default ?? session;
const app = new Koa();
app.keys = [cookieSecret];
app.use(async (context, next) => {
  if (context.path !== '/livez') return next();
  context.body = 'ok';
});
app.use(createSession({ store: redisStore({ url: process.env.REDIS_URL }), maxAge: 86_400_000, renew: true }, app));
app.use((context) => {
  const { userInfo } = context.session;
  context.type = 'application/json;charset=utf-8';
  context.body = userInfo === undefined ? failure : successOf(userInfo);
});
app.listen(Number(process.env.PORT), process.env.HOST);
