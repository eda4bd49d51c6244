// The worker of textbook-queue: does nothing at all.
import { createServer } from 'node:http';
import { Worker } from 'bullmq';

const answer = { returnCode: 0, returnMessage: 'NEW_SESSION_SUCCESS', returnData: {}, version: 1, componentName: 'MA' };
const worker = new Worker('textbook', async () => answer, {
  connection: { url: process.env.REDIS_URL, maxRetriesPerRequest: null },
  concurrency: 200,
});
await worker.waitUntilReady();
createServer((request, response) => response.end('ok')).listen(Number(process.env.PORT), process.env.HOST);
