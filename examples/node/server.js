// A back end that asks the session server. node server.js, with WAFER_URL and PORT in the environment.
import { createServer } from 'node:http';

const wafer = process.env.WAFER_URL ?? 'http://127.0.0.1:8080/mina_auth/';
// 60012 means "log in again", 40029 "this code is no good"; anything else is a failure, of which the session knows nothing.
const statuses = { 0: 200, 60012: 401, 40029: 401 };

/** A check takes milliseconds, a log-in up to 8 s (LOGIN_DEADLINE_MS): these are a little more than the session server may need. */
const timeoutsMs = { 'qcloud.cam.auth': 2000, 'qcloud.cam.id_skey': 10_000 };

async function ask(interfaceName, para) {
  // Who sends no session is not logged in: nothing to ask.
  if (Object.values(para).some((value) => !value)) return { answer: { returnCode: 60012, returnMessage: 'AUTH_FAIL' } };
  const body = JSON.stringify({ version: 1, componentName: 'MA', interface: { interfaceName, para } });
  const response = await fetch(wafer, { method: 'POST', body, signal: AbortSignal.timeout(timeoutsMs[interfaceName]) });
  return { answer: await response.json(), reason: response.headers.get('x-wafer-reason') };
}

createServer(async (request, response) => {
  const { 'x-wx-code': code, 'x-wx-id': id, 'x-wx-skey': skey } = request.headers;
  const asked = request.url === '/login' ? ask('qcloud.cam.id_skey', { code }) : ask('qcloud.cam.auth', { id, skey });
  const { answer, reason } = await asked.catch(() => ({
    answer: { returnCode: -1, returnMessage: 'the session server does not answer' },
  }));
  // On 0 the user is answer.returnData.user_info: here your own work begins.
  // Of a session that was this client's, why it ended (docs/api.md): the mini program asks the user before it takes the place of another device.
  if (answer.returnCode === 60012 && reason) response.setHeader('X-Wafer-Reason', reason);
  response.writeHead(statuses[answer.returnCode] ?? 503, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(answer));
}).listen(process.env.PORT ?? 3000, '127.0.0.1');
