import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { clearCache } from '../../apps/cli/clear-cache.ts';
import { createRedisClock } from '../../shared/redis/clock.ts';
import { connectRedis } from '../../shared/redis/connect.ts';
import { rootDir } from '../support/built.ts';
import { startStack } from '../support/stack.ts';

interface Vector {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
  readonly bodyBase64?: string;
  readonly status: number;
  readonly answer?: string;
  readonly wechat?: readonly { path: string; status: number; body: string }[];
  readonly setupSql?: readonly string[];
  readonly teardownSql?: readonly string[];
  readonly env?: Record<string, string>;
}

const vectors = (
  JSON.parse(readFileSync(join(rootDir, 'test/data/vectors/vectors.json'), 'utf8')) as { vectors: Vector[] }
).vectors;

/**
 * Sends every vector in its order and compares status and bytes.
 * @param env selects the Redis and the queues to run on
 */
export async function runVectors(t: ExecutionContext, env: Record<string, string> = {}): Promise<void> {
  const wechat = await startVectorWechat(t);
  const stack = await startStack({
    onClose: t.teardown.bind(t),
    // For one vector, `decrypt-valid`, which is of the scheme of 2016.
    env: { ...env, WECHAT_API_BASE: wechat.url, LEGACY_DECRYPT: 'true' },
  });
  const strictUrl = await stack.addWeb({ LOGIN_REQUIRES_USER_DATA: 'true' });
  const commands = connectRedis(stack.config.redis.queue, 'subscriber');
  const clock = createRedisClock(commands);
  t.teardown(() => {
    clock.close();
    commands.disconnect();
  });

  const values = new Map<string, string>();
  const fill = (text: string) =>
    text
      .replaceAll('cAuth.', `${stack.database.name}.`)
      .replace(/\{\{([\w.-]+)(?:\|(upper|wide))?\}\}/g, (_, name: string, form: string) =>
        convert(values.get(name) ?? '', form),
      );
  const runSql = async (statements: readonly string[] = []) => {
    for (const sql of statements) {
      await stack.database.query("set sql_mode = ''");
      await stack.database.query(fill(sql));
    }
    if (statements.length > 0) t.deepEqual((await clearCache(commands, commands, clock)).silent, []);
  };

  for (const vector of vectors) {
    await runSql(vector.setupSql);
    wechat.expect(vector.wechat ?? []);
    const body =
      vector.bodyBase64 === undefined ? Buffer.from(fill(vector.body ?? '')) : Buffer.from(vector.bodyBase64, 'base64');
    const url = vector.env === undefined ? stack.urls[0] : strictUrl;
    const answer = await send(`${url}${vector.path}`, vector, body);
    t.is(answer.status, vector.status, vector.name);
    if (vector.answer !== undefined)
      t.is(remember(vector.name, answer.body, vector.answer), vector.answer, vector.name);
    await runSql(vector.teardownSql);
  }

  /** Puts `{{id}}` and `{{skey}}` in place of new values, which later vectors may name. */
  function remember(name: string, body: string, expected: string): string {
    if (!expected.includes('{{id}}')) return body;
    return body.replace(/"(id|skey)":"([0-9a-zA-Z_-]{20,100})"/g, (_, field: string, value: string) => {
      values.set(`${name}.${field}`, value);
      return `"${field}":"{{${field}}}"`;
    });
  }
}

export const vectorCount = vectors.length;

function convert(value: string, form: string | undefined): string {
  if (form === 'upper') return value.toUpperCase();
  if (form === 'wide') return value.replace(/[!-~]/g, (char) => String.fromCharCode(char.charCodeAt(0) + 0xfee0));
  return value;
}

function send(url: string, { method, headers }: Vector, body: Buffer): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers: { ...headers, 'Content-Length': body.length } }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('latin1') }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Answers what the vector at hand says that WeChat answers, if it is asked just as the vector says. */
async function startVectorWechat(
  t: ExecutionContext,
): Promise<{ url: string; expect: (calls: NonNullable<Vector['wechat']>) => void }> {
  let expected: NonNullable<Vector['wechat']> = [];
  const server: Server = createServer((incoming, response) => {
    const known = expected.find(({ path }) => path === incoming.url);
    response
      .writeHead(known?.status ?? 500, { 'Content-Type': 'text/plain' })
      .end(known?.body ?? `unexpected: ${incoming.url}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    expect: (calls) => {
      expected = calls;
    },
  };
}
