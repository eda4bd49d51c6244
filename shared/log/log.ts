import { destination, pino, type DestinationStream, type Logger } from 'pino';
import { createPrettyOutput } from './pretty.ts';

export type Log = Logger;

/** Names under which a secret could reach a log line by accident. Nothing logs these on purpose. */
const secretNames = new Set([
  'code',
  'js_code',
  'secret',
  'appSecret',
  'access_token',
  'accessToken',
  'phoneNumber',
  'signature',
  'session_key',
  'sessionKey',
  'skey',
  'encrypt_data',
  'encryptData',
  'encryptedData',
  'iv',
  'user_info',
  'userInfo',
  'password',
  'authorization',
  'cookie',
]);

/**
 * JSON lines on standard output; on a terminal, lines for people.
 * @param role which process writes: `web`, `worker`
 * @param file instead of standard output
 */
export function createLog(role: string, level: string, file?: string): Log {
  return pino(
    {
      level,
      base: { role, pid: process.pid },
      // Errors come described already.
      serializers: { err: (described: unknown) => described },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      // Not pino's own redaction: it looks for each name in each line, where a line has three fields.
      formatters: { log: (fields) => redact(fields, 3) },
      hooks: {
        logMethod(line, log, level) {
          log.apply(this, line);
          if (level >= promptLevel) outputs.get(file)?.flushSync();
        },
      },
    },
    chooseOutput(file),
  );
}

function chooseOutput(file: string | undefined): DestinationStream {
  if (file !== undefined) return openOutput(file);
  // pm2's cluster mode puts a writer of its own in place of this one.
  if (Object.hasOwn(process.stdout, 'write')) return process.stdout;
  return process.stdout.isTTY ? createPrettyOutput(process.stdout) : openOutput(file);
}

const flushIntervalMs = 100;
const flushBytes = 16_000;
/** Warnings and worse (pino's 40) wait for nobody. */
const promptLevel = 40;

/** One for each file, and one for standard output. */
const outputs = new Map<string | undefined, ReturnType<typeof destination>>();
process.on('exit', () => outputs.forEach((output) => output.flushSync()));

/** Lines go out together, ten times a second or so: one by one they cost a busy worker a tenth of its time. At its end all are written. */
function openOutput(file: string | undefined): ReturnType<typeof destination> {
  const known = outputs.get(file);
  if (known !== undefined) return known;
  const output = destination({
    sync: true,
    minLength: flushBytes,
    periodicFlush: flushIntervalMs,
    ...(file === undefined ? {} : { dest: file }),
  });
  outputs.set(file, output);
  return output;
}

function redact(fields: Record<string, unknown>, depth: number): Record<string, unknown> {
  let clean = fields;
  for (const [name, value] of Object.entries(fields)) {
    const shown = secretNames.has(name) ? '[redacted]' : redactValue(value, depth);
    if (shown === value) continue;
    if (clean === fields) clean = { ...fields };
    clean[name] = shown;
  }
  return clean;
}

function redactValue(value: unknown, depth: number): unknown {
  return depth > 1 && typeof value === 'object' && value !== null && !Array.isArray(value)
    ? redact(value as Record<string, unknown>, depth - 1)
    : value;
}

/**
 * An error for the log, without what a driver hangs on it: SQL text with values, commands with arguments, connection options.
 * A database's message can quote the data that it refuses, so of those only the code is kept.
 */
export function describeError(error: unknown): { name: string; message: string; errorCode?: string; stack?: string } {
  if (!(error instanceof Error)) return { name: 'NonError', message: typeof error };
  const cause = (error as { parent?: object }).parent ?? error;
  const errorCode = (cause as { code?: unknown }).code;
  const fromDatabase = Object.hasOwn(cause, 'sql') || Object.hasOwn(cause, 'sqlState');
  return {
    name: error.name,
    message: fromDatabase ? 'database error' : error.message.slice(0, 300),
    ...(typeof errorCode === 'string' ? { errorCode } : {}),
    ...(error.stack === undefined || fromDatabase ? {} : { stack: error.stack.split('\n').slice(1, 6).join('\n') }),
  };
}

/**
 * For lines about what can happen many times a second: lets one through a second.
 * @returns calls `tell` with how often it was not called since, or not at all
 */
export const createOncePerSecond = () => createOncePer(1000);

/** The same, for another time. */
export function createOncePer(repeatAfterMs: number): (tell: (leftOut: number) => void) => void {
  let toldAt = Number.NEGATIVE_INFINITY;
  let leftOut = 0;
  return (tell) => {
    const now = performance.now();
    if (now - toldAt < repeatAfterMs) {
      leftOut++;
      return;
    }
    tell(leftOut);
    toldAt = now;
    leftOut = 0;
  };
}

/** A warning for what fails while a store is away, once a second. */
export function createOutageWarning(log: Log, message: string): (error: unknown) => void {
  const oncePerSecond = createOncePerSecond();
  return (error) =>
    oncePerSecond((leftOut) =>
      log.warn({ err: describeError(error), ...(leftOut > 0 ? { alsoFailed: leftOut } : {}) }, message),
    );
}
