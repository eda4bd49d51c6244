import { z } from 'zod';
import { noClients, parseClientList } from './client-list.ts';
import { findOidcFaults, oidcSettingsOf, parseClaimRoles, parseConsoleUrl, parseIssuer } from './console.ts';
import { parseDatabaseUrl } from './database-url.ts';
import { noKeys, parseKeyRing } from '../keys/key-ring.ts';
import { parseRedisUrl } from './redis-url.ts';
import { findTlsFaults, tlsFilesOf } from './tls-files.ts';
import { parseRatio, parseTraceHeaders, samplers, tracingSettingsOf } from './tracing.ts';

const integer = (minimum: number, maximum: number, unit: string) =>
  z
    .string()
    .regex(/^\d+$/, `must be a whole number of ${unit}`)
    .transform(Number)
    .refine((value) => value >= minimum && value <= maximum, `must be from ${minimum} to ${maximum} ${unit}`);

const port = () =>
  z
    .string()
    .regex(/^\d+$/, 'must be a port number')
    .transform(Number)
    .refine((value) => value <= 65_535, 'must be a port number, at most 65535');

/** Turns a parser that throws TypeError into a schema whose fault is the error's message. */
const parsed = <Value>(parse: (text: string) => Value) =>
  z.string().transform((text, context) => {
    try {
      return parse(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return z.NEVER;
    }
  });

const yesOrNo = (usual: 'true' | 'false' = 'false') =>
  z
    .enum(['true', 'false'], 'must be true or false')
    .default(usual)
    .transform((text) => text === 'true');

function parseHttpUrl(text: string): URL {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) throw new TypeError('must be an http:// or https:// address');
  const url = new URL(text);
  // These would be told as parts of an address.
  if (url.username !== '' || url.password !== '' || url.hash !== '' || url.pathname.includes('@'))
    throw new TypeError('must hold neither user nor password nor @ nor #');
  return url;
}

/** What stands in messages, so it must hold no secret. */
function parseApiBase(text: string): string {
  if (parseHttpUrl(text).search !== '' || text.includes('?')) throw new TypeError('must hold no query');
  return text.replace(/\/+$/, '');
}

/** Of a token service; a key may stand in its query. */
function parseTokenUrl(text: string): string {
  parseHttpUrl(text);
  return text.replace(/\/+$/, '');
}

const environment = z.object({
  PORT: port().default(8080),
  HOST: z.string().default('127.0.0.1'),
  TLS_CERT_FILE: z.string().optional(),
  TLS_KEY_FILE: z.string().optional(),
  ALLOWED_CLIENTS: parsed(parseClientList).default(noClients),
  METRICS_CLIENTS: parsed(parseClientList).optional(),
  TRUSTED_PROXIES: parsed(parseClientList).default(noClients),
  REQUIRE_CALLER_KEY: yesOrNo(),
  DATABASE_URL: parsed(parseDatabaseUrl),
  DATABASE_REPLICA_URL: parsed(parseDatabaseUrl).optional(),
  DATABASE_POOL: integer(1, 1000, 'connections').default(10),
  REDIS_URL: parsed(parseRedisUrl),
  REDIS_CACHE_URL: parsed(parseRedisUrl).optional(),
  WECHAT_API_BASE: parsed(parseApiBase).default('https://api.weixin.qq.com'),
  WECHAT_TOKEN_URL: parsed(parseTokenUrl).optional(),
  WECHAT_COMPONENT_TOKEN_URL: parsed(parseTokenUrl).optional(),
  WECHAT_AUTHORIZER_TOKEN_URL: parsed(parseTokenUrl).optional(),
  WECOM_API_BASE: parsed(parseApiBase).default('https://qyapi.weixin.qq.com'),
  WECHAT_TIMEOUT_MS: integer(100, 20_000, 'milliseconds').default(5000),
  LOGIN_DEADLINE_MS: integer(500, 25_000, 'milliseconds').default(8000),
  LOGIN_REQUIRES_USER_DATA: yesOrNo(),
  LEGACY_DECRYPT: yesOrNo(),
  SESSION_MEMORY: integer(0, 10_000_000, 'sessions').default(250_000),
  LOGIN_LIMIT_PER_APP: integer(0, 1_000_000, 'log-ins').default(50_000),
  LOGIN_LIMIT_PER_USER: integer(0, 1_000_000, 'log-ins').default(1000),
  LOGIN_QUEUES: integer(1, 64, 'queues').default(1),
  WORKER_CONCURRENCY: integer(1, 10_000, 'calls').default(400),
  WORKER_HEALTH_PORT: port().optional(),
  WORKER_PROCESSES: integer(1, 999, 'processes').default(2),
  WORKERS_MAX: integer(1, 999, 'processes').optional(),
  SESSION_RETENTION_DAYS: integer(1, 36_500, 'days').optional(),
  AUDIT_RETENTION_DAYS: integer(1, 36_500, 'days').optional(),
  CONSOLE_SAMPLES_DAYS: integer(0, 3650, 'days').default(30),
  EVENTS_PRIVATE_TARGETS: parsed(parseClientList).default(noClients),
  WAFER_KEYS: parsed(parseKeyRing).default(noKeys),
  FAST_LANE: yesOrNo('true'),
  CONSOLE_PORT: port().default(8081),
  CONSOLE_HOST: z.string().default('127.0.0.1'),
  CONSOLE_URL: parsed(parseConsoleUrl).optional(),
  CONSOLE_REQUIRE_TOTP: yesOrNo(),
  CONSOLE_OIDC_ISSUER: parsed(parseIssuer).optional(),
  CONSOLE_OIDC_CLIENT_ID: z.string().optional(),
  CONSOLE_OIDC_CLIENT_SECRET: z.string().optional(),
  CONSOLE_OIDC_ROLES: parsed(parseClaimRoles).optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: parsed(parseApiBase).optional(),
  OTEL_EXPORTER_OTLP_HEADERS: parsed(parseTraceHeaders).default({}),
  OTEL_EXPORTER_OTLP_PROTOCOL: z
    .literal('http/protobuf', 'must be http/protobuf: traces are sent in no other way')
    .default('http/protobuf'),
  OTEL_SERVICE_NAME: z.string().max(255, 'must have 255 characters at most').default('wafer-session'),
  OTEL_TRACES_SAMPLER: z.enum(samplers, `must be one of ${samplers.join(', ')}`).default('parentbased_traceidratio'),
  OTEL_TRACES_SAMPLER_ARG: parsed(parseRatio).default(0.01),
  BODY_LIMIT_BYTES: integer(1024, 16_777_216, 'bytes').default(65_536),
  LOG_LEVEL: z
    .enum(
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
      "must be one of pino's levels: fatal, error, warn, info, debug, trace, silent",
    )
    .default('info'),
});

/** Every variable that `readConfig` reads. */
export const configVariables: readonly string[] = Object.keys(environment.shape);

export type Config = ReturnType<typeof readConfig>;

/** Thrown when the environment can't be used; `faults` names every variable that is wrong, all at once. */
export class ConfigError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(
      `The configuration has ${faults.length} fault${faults.length === 1 ? '' : 's'}:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`,
    );
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

/**
 * Reads the configuration from environment variables; an empty variable counts as absent. White space around a value means nothing: a
 * `.env` with the line ends of Windows leaves some.
 * @throws {ConfigError} with all faults together. The values are not repeated: they may hold passwords.
 */
export function readConfig(variables: NodeJS.ProcessEnv) {
  const trimmed = Object.entries(variables).map(([name, value]) => [name, value?.trim()] as const);
  const present = Object.fromEntries(trimmed.filter(([, value]) => value !== ''));
  const result = environment.safeParse(present);
  const faults = result.success ? [] : result.error.issues.map((issue) => describe(issue, present));
  const crossFaults = result.success ? crossCheck(result.data) : findTlsFaults(present);
  if (!result.success || crossFaults.length > 0) throw new ConfigError([...faults, ...crossFaults]);
  const env = result.data;
  return {
    http: {
      port: env.PORT,
      host: env.HOST,
      bodyLimitBytes: env.BODY_LIMIT_BYTES,
      /** Whether plain requests are answered before Koa. */
      fastLane: env.FAST_LANE,
      /** undefined: plain HTTP */
      tls: tlsFilesOf(env),
    },
    access: {
      /** Who may call; empty: everybody. */
      allowed: env.ALLOWED_CLIENTS,
      /** Who may read /metrics; empty: everybody. Unless it is said: who may call. */
      metrics: env.METRICS_CLIENTS ?? env.ALLOWED_CLIENTS,
      /** Whose `X-Forwarded-For` is believed. */
      trustedProxies: env.TRUSTED_PROXIES,
      requiresKey: env.REQUIRE_CALLER_KEY,
    },
    database: { primary: env.DATABASE_URL, replica: env.DATABASE_REPLICA_URL, poolSize: env.DATABASE_POOL },
    redis: { queue: env.REDIS_URL, cache: env.REDIS_CACHE_URL ?? env.REDIS_URL },
    wechat: {
      apiBase: env.WECHAT_API_BASE,
      tokenUrl: env.WECHAT_TOKEN_URL,
      /** Of apps of kind component: the platform's token, and the app's. */
      componentTokenUrl: env.WECHAT_COMPONENT_TOKEN_URL,
      authorizerTokenUrl: env.WECHAT_AUTHORIZER_TOKEN_URL,
      timeoutMs: env.WECHAT_TIMEOUT_MS,
    },
    wecom: { apiBase: env.WECOM_API_BASE },
    login: {
      deadlineMs: env.LOGIN_DEADLINE_MS,
      requiresUserData: env.LOGIN_REQUIRES_USER_DATA,
      queues: env.LOGIN_QUEUES,
      limitPerApp: env.LOGIN_LIMIT_PER_APP,
      limitPerUser: env.LOGIN_LIMIT_PER_USER,
    },
    /** Whether `qcloud.cam.decrypt` also takes data of 2016, without an iv. */
    legacyDecrypt: env.LEGACY_DECRYPT,
    sessionMemory: env.SESSION_MEMORY,
    worker: {
      concurrency: env.WORKER_CONCURRENCY,
      healthPort: healthPortOf(env.WORKER_HEALTH_PORT, variables['NODE_APP_INSTANCE']),
    },
    /** Workers that pm2 runs on each machine: the fewest, and the most that the autoscaler may make of them. */
    workers: { min: env.WORKER_PROCESSES, max: env.WORKERS_MAX ?? env.WORKER_PROCESSES },
    /** Of the worker, and of the command line, which counts what would leave. */
    retention: { sessionDays: env.SESSION_RETENTION_DAYS, auditDays: env.AUDIT_RETENTION_DAYS },
    /** For so long figures of each minute are kept, which workers write; 0: none is written. */
    samplesDays: env.CONSOLE_SAMPLES_DAYS,
    console: {
      port: env.CONSOLE_PORT,
      host: env.CONSOLE_HOST,
      /** As people open it; undefined: where it listens. */
      url: env.CONSOLE_URL,
      /** Whether whoever signs in with a password has to have a second factor. */
      requiresTotp: env.CONSOLE_REQUIRE_TOTP,
      /** undefined: people sign in with passwords alone */
      oidc: oidcSettingsOf(env),
    },
    /** Networks inside to which events may be sent, by http:// too; what is outside is reached by https:// alone. */
    events: { privateTargets: env.EVENTS_PRIVATE_TARGETS },
    /** Of the worker, the console and the command line; a front end reads nothing that they encrypt. */
    keys: env.WAFER_KEYS,
    /** undefined: nothing is traced */
    tracing: tracingSettingsOf(env),
    logLevel: env.LOG_LEVEL,
  } as const;
}

/**
 * Counted on from the given one, so that workers which are given the same variables do not meet. 0: any.
 * @param instance pm2's number of a process among those of its app; others who set the variable mean something of their own
 */
function healthPortOf(first: number | undefined, instance = ''): number | undefined {
  return first && /^\d{1,4}$/.test(instance) ? first + Number(instance) : first;
}

function describe(issue: z.core.$ZodIssue, present: Record<string, unknown>): string {
  const name = String(issue.path[0]);
  return present[name] === undefined ? `${name} is missing` : `${name} ${issue.message}`;
}

function crossCheck(env: z.infer<typeof environment>): string[] {
  const faults =
    env.WECHAT_TIMEOUT_MS < env.LOGIN_DEADLINE_MS
      ? []
      : ['LOGIN_DEADLINE_MS must be longer than WECHAT_TIMEOUT_MS: a log-in includes a call to WeChat'];
  const tooFew =
    env.WORKERS_MAX === undefined || env.WORKERS_MAX >= env.WORKER_PROCESSES
      ? []
      : ['WORKERS_MAX must be at least WORKER_PROCESSES'];
  return [...faults, ...tooFew, ...findTlsFaults(env), ...findOidcFaults(env)];
}
