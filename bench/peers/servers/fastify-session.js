// @fastify/session with connect-redis, as its manual has it. Its default, `rolling`, is the one way in which it extends a session's
// life at each use, as ours does; it writes the session again.
import fastifyCookie from '@fastify/cookie';
import fastifySession from '@fastify/session';
import { RedisStore } from 'connect-redis';
import fastify from 'fastify';
import { createClient } from 'redis';
import { cookieSecret, failure, successOf } from './answers.js';

const client = await createClient({ url: process.env.REDIS_URL }).connect();
const app = fastify();

app.register(fastifyCookie);
app.register(fastifySession, {
  store: new RedisStore({ client, prefix: 'fastify:' }),
  secret: cookieSecret,
  saveUninitialized: false,
  cookie: { maxAge: 86_400_000, secure: false },
});
app.get('/livez', async () => 'ok');
app.get('/auth', async (request, reply) => {
  const { userInfo } = request.session;
  return reply.type('application/json;charset=utf-8').send(userInfo === undefined ? failure : successOf(userInfo));
});
await app.listen({ port: Number(process.env.PORT), host: process.env.HOST });
