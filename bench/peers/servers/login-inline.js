// A whole log-in in the handler that received it, with the libraries that ours uses and no queue. Two processes share the port, as
// many as ours has with one front end and one worker.
import cluster from 'node:cluster';
import { createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { Agent } from 'node:http';
import Koa from 'koa';
import { Router } from '@koa/router';
import bodyParser from 'koa-bodyparser';
import { Redis } from 'ioredis';
import fetch from 'node-fetch';
import { DataTypes, Sequelize } from 'sequelize';

const { DATABASE_URL, REDIS_URL, WECHAT_API_BASE, BENCH_APPID: appid, BENCH_SECRET: secret } = process.env;
const processes = 2;
const dayMs = 86_400_000;
const durationSeconds = 2_592_000;

if (cluster.isPrimary) for (let index = 0; index < processes; index++) cluster.fork();
else serve();

function serve() {
  const redis = new Redis(REDIS_URL);
  const agent = new Agent({ keepAlive: true, maxSockets: 500 });
  const sequelize = new Sequelize(DATABASE_URL, { dialect: 'mysql', logging: false, pool: { max: 10 } });
  const text = DataTypes.STRING;
  const sessions = sequelize.define(
    'cSessionInfo',
    {
      uuid: text,
      skey: text,
      create_time: DataTypes.DATE,
      last_visit_time: DataTypes.DATE,
      open_id: text,
      session_key: text,
      user_info: text,
    },
    { tableName: 'cSessionInfo', timestamps: false },
  );

  const askWechat = async (code) => {
    const query = new URLSearchParams({ appid, secret, js_code: code, grant_type: 'authorization_code' });
    return (await fetch(`${WECHAT_API_BASE}/sns/jscode2session?${query}`, { agent })).json();
  };
  const decrypt = (sessionKey, iv, data) => {
    const decipher = createDecipheriv('aes-128-cbc', Buffer.from(sessionKey, 'base64'), Buffer.from(iv, 'base64'));
    return decipher.update(data, 'base64', 'utf8') + decipher.final('utf8');
  };
  const write = async (openId, sessionKey, profile) => {
    const skey = randomBytes(16).toString('hex');
    const now = new Date();
    const columns = {
      skey,
      create_time: now,
      last_visit_time: now,
      session_key: sessionKey,
      user_info: Buffer.from(profile).toString('base64'),
    };
    const known = await sessions.findOne({ where: { open_id: openId } });
    const id = known?.uuid ?? randomBytes(16).toString('hex');
    if (known === null) await sessions.create({ ...columns, uuid: id, open_id: openId });
    else await sessions.update(columns, { where: { id: known.id } });
    const entry = { skeyHash: createHash('sha256').update(skey).digest('base64'), userInfo: profile };
    await redis.set(`inline:${id}`, JSON.stringify(entry), 'PX', dayMs);
    return { id, skey };
  };

  const router = new Router();
  router.get('/livez', async (context) => {
    await sequelize.authenticate();
    context.body = 'ok';
  });
  router.post('/mina_auth/', async (context) => {
    const { code, encrypt_data: encryptData, iv } = context.request.body.interface.para;
    const { openid, session_key: sessionKey } = await askWechat(code);
    const profile = decrypt(sessionKey, iv, encryptData);
    const userInfo = JSON.parse(profile);
    if (userInfo.watermark.appid !== appid) throw new Error('the user data are for another app');
    const { id, skey } = await write(openid, sessionKey, profile);
    context.body = {
      returnCode: 0,
      returnMessage: 'NEW_SESSION_SUCCESS',
      returnData: { id, skey, user_info: userInfo, duration: durationSeconds },
      version: 1,
      componentName: 'MA',
    };
  });
  new Koa()
    .use(bodyParser())
    .use(router.routes())
    .use(router.allowedMethods())
    .listen(Number(process.env.PORT), process.env.HOST);
}
