// Koa with its router and body parser, and one GET.
import Koa from 'koa';
import { Router } from '@koa/router';
import bodyParser from 'koa-bodyparser';
import { Redis } from 'ioredis';
import { failure, successOf } from './answers.js';

const redis = new Redis(process.env.REDIS_URL);
const router = new Router();

router.get('/livez', (context) => {
  context.body = 'ok';
});
router.post('/mina_auth/', async (context) => {
  const { id, skey } = context.request.body.interface.para;
  const entry = await redis.get(`plain:${id}`);
  const session = entry === null ? undefined : JSON.parse(entry);
  context.type = 'application/json;charset=utf-8';
  context.body = session?.skey === skey ? successOf(session.userInfo) : failure;
});

new Koa()
  .use(bodyParser())
  .use(router.routes())
  .use(router.allowedMethods())
  .listen(Number(process.env.PORT), process.env.HOST);
