import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { closeAfterAll } from '../../support/closing.ts';
import { createFaultTable } from '../../support/doctor.ts';
import { startStack, testAppid, testSecret } from '../../support/stack.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { createTemporaryFolder } from '../../support/temporary-folder.ts';
import { startScriptedWechat, startTestWechat, type ScriptedAnswer } from '../../support/wechat.ts';

const onClose = closeAfterAll(test);
const table = createFaultTable('WeChat', ['redis_no_aof']);
const wechat = await startTestWechat({ onClose, apps: new Map([[testAppid, testSecret]]) });
const stack = await startStack({ onClose, env: { WECHAT_API_BASE: wechat.url } });
test.after.always((t) => t.log(table.render()));

const at = (url: string) => ({ ...stack.env, WECHAT_API_BASE: url });
const missing: ScriptedAnswer = { body: { errcode: 41_002, errmsg: 'appid missing' } };

/** A server that does that with each connection. */
async function startRawServer(t: ExecutionContext, serve: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    serve(socket);
  });
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${await listen(server)}`;
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

test.serial('a WeChat is silent if it answers after six seconds, slow after one and a half', async (t) => {
  const verySlow = await startScriptedWechat({ onClose: t.teardown, answers: [{ ...missing, delayMs: 6000 }] });
  await table.diagnose(t, 'WeChat slow (6 s)', at(verySlow.url), {
    faults: ['wechat_silent'],
    remedy: /slow, or packets get lost/,
  });
  const answers = [{ ...missing, delayMs: 1500 }, { body: { errcode: 40_029, errmsg: 'invalid code' } }];
  const slow = await startScriptedWechat({ onClose: t.teardown, answers });
  await table.diagnose(t, 'WeChat slow (1.5 s)', at(slow.url), { warnings: ['wechat_slow'], remedy: /it passes/ });
});

test.serial('a WeChat that is black-holed, down, or resets is told apart', async (t) => {
  const proxy = await startTcpProxy({ port: Number(new URL(wechat.url).port), onClose: t.teardown });
  const url = `http://127.0.0.1:${proxy.port}`;
  await proxy.blackHole();
  await table.diagnose(t, 'WeChat black-holed', at(url), {
    faults: ['wechat_silent'],
    remedy: /firewall, proxy and network/,
  });
  await proxy.refuse();
  await table.diagnose(t, 'WeChat down', at(url), { faults: ['wechat_down'], remedy: /correct WECHAT_API_BASE/ });
  // A label of a name has 63 characters at most, so no server is asked for this one.
  await table.diagnose(t, 'the host of WeChat has no address', at(`http://${'x'.repeat(64)}.invalid`), {
    faults: ['wechat_host'],
    remedy: /DNS/,
  });
  const resetting = await startRawServer(t, (socket) => socket.once('data', () => socket.resetAndDestroy()));
  await table.diagnose(t, 'WeChat resetting', at(resetting), {
    faults: ['wechat_reset'],
    remedy: /cuts the connection/,
  });
});

test.serial('garbage, a failure of HTTP and an endless answer are none of WeChat', async (t) => {
  const answers = [{ body: '<html>Please log in to the network</html>' }, { status: 502, body: 'Bad Gateway' }];
  const scripted = await startScriptedWechat({ onClose: t.teardown, answers });
  await table.diagnose(t, 'WeChat answers garbage', at(scripted.url), {
    faults: ['wechat_garbage'],
    remedy: /Something else than WeChat/,
  });
  await table.diagnose(t, 'WeChat answers HTTP 502', at(scripted.url), {
    faults: ['wechat_garbage'],
    remedy: /Something else than WeChat/,
  });
  const endless = await startRawServer(t, (socket) =>
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
      const write = () => {
        while (socket.writable && socket.write(chunk));
      };
      socket.on('drain', write);
      write();
    }),
  );
  await table.diagnose(t, 'WeChat answers without end', at(endless), {
    faults: ['wechat_garbage'],
    remedy: /Something else than WeChat/,
  });
});

test.serial('a certificate that nobody vouches for is named as such', async (t) => {
  const folder = await createTemporaryFolder('doctor-tls');
  t.teardown(() => folder.remove());
  const [key, cert] = [join(folder.path, 'key.pem'), join(folder.path, 'cert.pem')];
  const days = ['-days', '1', '-subj', '/CN=api.weixin.qq.com'];
  const files = ['-keyout', key, '-out', cert];
  await promisify(execFile)('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...days, ...files]);
  const server = createHttpsServer({ key: await readFile(key), cert: await readFile(cert) }, (_, response) =>
    response.end('{"errcode":41002}'),
  );
  t.teardown(() => void server.close());
  await table.diagnose(t, 'WeChat with a wrong certificate', at(`https://127.0.0.1:${await listen(server)}`), {
    faults: ['wechat_tls'],
    remedy: /NODE_EXTRA_CA_CERTS/,
  });
});

test.serial('an address that is not on the allow-list is named', async (t) => {
  const refusal = {
    body: { errcode: 40_164, errmsg: 'invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist' },
  };
  const scripted = await startScriptedWechat({ onClose: t.teardown, answers: [missing, refusal] });
  const { findings } = await table.diagnose(t, "IP not on WeChat's allow-list (40164)", at(scripted.url), {
    faults: ['wechat_ip'],
    remedy: /IP allow-list at mp\.weixin\.qq\.com/,
  });
  t.regex(findings.find(({ cause }) => cause === 'wechat_ip')?.found ?? '', /203\.0\.113\.7/);
});

test.serial('an appid that WeChat does not know is named', async (t) => {
  const refusal = { body: { errcode: 40_013, errmsg: 'invalid appid' } };
  const scripted = await startScriptedWechat({ onClose: t.teardown, answers: [missing, refusal] });
  await table.diagnose(t, 'unknown appid (40013)', at(scripted.url), {
    faults: ['wechat_appid'],
    remedy: new RegExp(`app remove ${testAppid}`),
  });
});

test.serial('a wrong secret is named, and not shown', async (t) => {
  const wrong = 'wrongwrongwrongwrongwrongwrongwr';
  await stack.database.query('update cAppinfo set secret = ?', [wrong]);
  t.teardown(() => stack.database.query('update cAppinfo set secret = ?', [testSecret]));
  const { findings } = await table.diagnose(t, 'wrong secret', stack.env, {
    faults: ['wechat_secret'],
    remedy: new RegExp(`app set ${testAppid}`),
  });
  t.notRegex(JSON.stringify(findings), new RegExp(wrong));
});
