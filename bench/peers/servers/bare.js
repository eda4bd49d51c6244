// The least that an auth check can be: node:http, one GET, JSON.parse, compare.
import { createServer } from 'node:http';
import { Redis } from 'ioredis';
import { failure, successOf } from './answers.js';

const redis = new Redis(process.env.REDIS_URL);

createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', async () => {
    if (request.url === '/livez') return response.end('ok');
    const { id, skey } = JSON.parse(Buffer.concat(chunks).toString()).interface.para;
    const entry = await redis.get(`plain:${id}`);
    const session = entry === null ? undefined : JSON.parse(entry);
    const body = session?.skey === skey ? successOf(session.userInfo) : failure;
    response.writeHead(200, {
      'Content-Type': 'application/json;charset=utf-8',
      'Content-Length': Buffer.byteLength(body),
    });
    response.end(body);
  });
}).listen(Number(process.env.PORT), process.env.HOST);
