import { randomBytes } from 'node:crypto';
import { startConsole } from '../../apps/console/console.ts';
import type { ApiRoute } from '../../apps/console/api/route.ts';
import { addProgram, invitePerson } from '../../shared/administration/operators.ts';
import { readConfig } from '../../shared/config/config.ts';
import { createLog } from '../../shared/log/log.ts';
import type { Role } from '../../shared/operators/roles.ts';
import { openDatabase } from '../../shared/store/database.ts';
import { migrate } from '../../shared/store/migrate.ts';
import type { OnClose } from './closing.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { startTestRedis, type TestRedis } from './redis-server.ts';
import type { TestStack } from './stack.ts';
import { noteKeys, noteSecret, trace, traceFile } from './traces.ts';
import { until } from './until.ts';

/** As whom a request is made: a program by its token, or a person by what their browser sends. */
export type Asker = string | SignedIn | undefined;

interface Person {
  readonly name: string;
  readonly password: string;
}

export interface SignedIn extends Person {
  /** Cookie, and what the page sends with everything that changes something. */
  readonly headers: Readonly<Record<string, string>>;
}

// oxlint-disable-next-line typescript/no-explicit-any -- whatever the console says
export interface Answer<Body = any> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
  readonly text: string;
}

/** A console in this process, on the stores of a stack or on some of its own. */
export interface TestConsole {
  readonly url: string;
  readonly database: TestDatabase;
  readonly redis: TestRedis;
  readonly close: () => Promise<void>;
  /** Another process on the same stores. */
  readonly addConsole: (env?: Record<string, string>) => Promise<string>;
  /** Adds a program. */
  readonly token: (role: Role) => Promise<string>;
  /** Adds a person who has set a password. */
  readonly person: (role: Role) => Promise<Person>;
  /** The link's secret of a new person. */
  readonly invite: (name: string, role: Role) => Promise<string>;
  /** Adds a person, or takes one, and signs them in. */
  readonly signIn: (who: Role | Person, more?: { readonly totp?: string; readonly url?: string }) => Promise<SignedIn>;
  /** @param path below /api/v1 */
  readonly api: (
    method: string,
    path: string,
    more?: {
      readonly as?: Asker;
      readonly body?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
      readonly url?: string;
    },
  ) => Promise<Answer>;
}

export interface TestConsoleOptions {
  readonly onClose: OnClose;
  readonly env?: Record<string, string>;
  /** Whose database and Redis it has; left out: its own. */
  readonly stack?: Pick<TestStack, 'database' | 'redis' | 'env'>;
  readonly routes?: readonly ApiRoute[];
}

const actor = { osUser: 'test', host: 'test' };
const passwordBytes = 18;
/** Whose answers show a secret, this once, to whoever made it. No other answer of a console has one in it. */
const givesSecret = /^\/(operators(\/tokens|\/[^/]+\/link)?|callers|me\/totp|endpoints)(\?|$)/;

export async function startTestConsole({ onClose, env = {}, stack, routes }: TestConsoleOptions): Promise<TestConsole> {
  const closers: (() => Promise<unknown>)[] = [];
  onClose(async () => {
    for (const close of closers.toReversed()) await close().catch(() => undefined);
  });
  const later = (close: () => Promise<unknown>) => void closers.push(close);
  const database = stack?.database ?? (await createTestDatabase({ onClose: later }));
  if (stack === undefined) await migrate({ databaseUrl: database.url });
  const redis = stack?.redis ?? (await startTestRedis({ onClose: later }));
  const start = async (more: Record<string, string>) => {
    const variables = {
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      ...stack?.env,
      CONSOLE_PORT: '0',
      ...env,
      ...more,
    };
    noteKeys((variables as Record<string, string>)['WAFER_KEYS']);
    const config = readConfig(variables);
    const file = process.env['TEST_LOG_LEVEL'] === undefined ? traceFile('console') : undefined;
    const level = process.env['TEST_LOG_LEVEL'] ?? (file === undefined ? 'silent' : 'trace');
    const service = await startConsole({ config, env: variables }, createLog('console', level, file), routes);
    later(() => service.close());
    const url = `http://127.0.0.1:${service.port}`;
    await until('the console is ready', async () => (await fetch(`${url}/readyz`)).status === 200);
    return { service, url, config };
  };
  const { service, url, config } = await start({});
  const sequelize = openDatabase(config.database.primary, { poolSize: 4, connectTimeoutMs: 10_000 });
  later(() => sequelize.close());

  const api: TestConsole['api'] = async (method, path, { as, body, headers = {}, url: at = url } = {}) => {
    const response = await fetch(`${at}/api/v1${path}`, {
      method,
      redirect: 'manual',
      headers: {
        ...headersOf(as),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!(method === 'POST' && givesSecret.test(path))) trace('console-answers', `${text}\n`);
    const isJson = /[/+]json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined };
  };
  const invite: TestConsole['invite'] = async (name, role) => {
    const { linkSecret } = await invitePerson({ sequelize }, { name, role }, actor);
    noteSecret('link to set a password', linkSecret);
    return linkSecret;
  };
  const person: TestConsole['person'] = async (role) => {
    const name = `person-${randomBytes(4).toString('hex')}`;
    const password = randomBytes(passwordBytes).toString('base64');
    noteSecret('operator’s password', password);
    const token = await invite(name, role);
    const { status, text } = await api('POST', '/password', { body: { token, password }, headers: pageHeaders(url) });
    if (status !== 204) throw new Error(`no password: ${text}`);
    return { name, password };
  };
  return {
    url,
    database,
    redis,
    close: () => service.close(),
    addConsole: async (more = {}) => (await start(more)).url,
    async token(role) {
      const name = `program-${randomBytes(4).toString('hex')}`;
      const { token } = await addProgram({ sequelize }, { name, role }, actor);
      noteSecret('operator’s token', token);
      return token;
    },
    invite,
    person,
    async signIn(who, { totp, url: at = url } = {}) {
      const { name, password } = typeof who === 'string' ? await person(who) : who;
      const answer = await api('POST', '/sign-in', {
        body: { name, password, ...(totp === undefined ? {} : { totp }) },
        headers: pageHeaders(at),
        url: at,
      });
      if (answer.status !== 204) throw new Error(`not signed in: ${answer.text}`);
      return { name, password, headers: { ...pageHeaders(at), Cookie: cookieOf(answer) } };
    },
    api,
  };
}

/** What a page of the console sends with everything that changes something. */
export function pageHeaders(url: string): Record<string, string> {
  return { Origin: url, 'X-Wafer-Console': '1' };
}

/** The cookie that an answer sets, as a browser sends it back. */
export function cookieOf({ headers }: Pick<Answer, 'headers'>): string {
  const [pair = ''] = headers
    .getSetCookie()
    .filter((cookie) => !/expires=Thu, 01 Jan 1970/i.test(cookie))
    .map((cookie) => cookie.split(';', 1)[0] ?? '')
    .slice(-1);
  noteSecret('cookie of a sign-in', pair.split('=')[1]);
  return pair;
}

function headersOf(as: Asker): Readonly<Record<string, string>> {
  if (as === undefined) return {};
  return typeof as === 'string' ? { Authorization: `Bearer ${as}` } : as.headers;
}
