// express-session with connect-redis, as their manuals have it; each use extends the session's life, as ours does.
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import { createClient } from 'redis';
import { cookieSecret, failure, successOf } from './answers.js';

const client = await createClient({ url: process.env.REDIS_URL }).connect();
const app = express();

app.get('/livez', (request, response) => response.send('ok'));
app.use(
  session({
    store: new RedisStore({ client, prefix: 'express:' }),
    secret: cookieSecret,
    resave: false,
    saveUninitialized: false,
    cookie: { maxAge: 86_400_000 },
  }),
);
app.get('/auth', (request, response) => {
  const { userInfo } = request.session;
  response.type('application/json').send(userInfo === undefined ? failure : successOf(userInfo));
});
app.listen(Number(process.env.PORT), process.env.HOST);
