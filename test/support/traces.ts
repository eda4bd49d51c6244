import { appendFileSync, existsSync, mkdirSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Where a run of `npm test` collects what its programs leave behind (logs, what went into each Redis) and, apart from that, the secrets
 * that must not be found there. Set by run.ts; a file that is run by hand collects nothing.
 */
const folder = process.env['WAFER_TEST_TRACES'];

export const tracesVariable = 'WAFER_TEST_TRACES';
export const isTracing = folder !== undefined && folder !== '';

/** Below the folder of traces: what is searched, and the secrets, one file per process. */
export const leftFolder = (traces: string) => join(traces, 'left');
export const secretsFolder = (traces: string) => join(traces, 'secrets');

/** A file of this process to collect text in; undefined if nothing is collected. */
export function traceFile(name: string): string | undefined {
  if (!isTracing) return undefined;
  const dir = leftFolder(folder as string);
  mkdirSync(dir, { recursive: true });
  return join(dir, `${name}-${process.pid}.log`);
}

export function trace(name: string, text: string): void {
  const file = traceFile(name);
  if (file !== undefined) appendFileSync(file, text);
}

/** Keeps a copy of a file or folder that is about to be removed. @param name tells where it came from */
export async function keepTraces(path: string, name: string): Promise<void> {
  if (isTracing && existsSync(path)) await cp(path, join(leftFolder(folder as string), name), { recursive: true });
}

/** Shorter ones would be found by chance. */
const minLength = 8;
const noted = new Set<string>();

/**
 * Notes a secret that a test has made or got: it must not come up in any log or Redis of the run. What is no text, or too short, is
 * passed over, so that answers can be handed in as they are.
 * @param kind what a report calls it
 */
export function noteSecret(kind: string, secret: unknown): void {
  if (!isTracing || typeof secret !== 'string' || secret.length < minLength || noted.has(secret)) return;
  noted.add(secret);
  const dir = secretsFolder(folder as string);
  mkdirSync(dir, { recursive: true });
  appendFileSync(join(dir, `${process.pid}.jsonl`), `${JSON.stringify([kind, secret])}\n`);
}

/** Notes each key of a WAFER_KEYS. */
export function noteKeys(waferKeys: string | undefined): void {
  for (const entry of waferKeys?.split(',') ?? []) noteSecret('key of WAFER_KEYS', entry.split(':')[1]);
}
