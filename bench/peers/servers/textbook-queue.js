// A request that becomes a BullMQ job, awaited with waitUntilFinished: the front end.
import Koa from 'koa';
import { Router } from '@koa/router';
import bodyParser from 'koa-bodyparser';
import { Queue, QueueEvents } from 'bullmq';

const connection = { url: process.env.REDIS_URL };
const queue = new Queue('textbook', {
  connection,
  // Removed at once, waitUntilFinished would not find jobs that are quick.
  defaultJobOptions: { removeOnComplete: 1000, removeOnFail: 1000 },
});
const events = new QueueEvents('textbook', { connection });
await events.waitUntilReady();
const deadlineMs = 8000;
const router = new Router();

router.get('/livez', (context) => {
  context.body = 'ok';
});
router.post('/mina_auth/', async (context) => {
  const job = await queue.add('login', context.request.body.interface.para);
  context.body = await job.waitUntilFinished(events, deadlineMs);
});

new Koa()
  .use(bodyParser())
  .use(router.routes())
  .use(router.allowedMethods())
  .listen(Number(process.env.PORT), process.env.HOST);
