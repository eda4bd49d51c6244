import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { loadOnCores, type Cores, type LoadTurn } from '../stack/cores.ts';
import type { Share } from './source.ts';

/** A given number of requests per second, however fast the server answers: what an open world of clients sends. Or as many as it answers. */
export interface PacedOptions {
  /** Front ends, which take turns. */
  readonly urls: readonly string[];
  readonly shares: readonly Share[];
  /** `peak`: the next as soon as one is answered, over all connections. */
  readonly requestsPerSecond: number | 'peak';
  /** Not counted, before `seconds`, and never less than the time in which the rate climbs. */
  readonly settleSeconds: number;
  readonly seconds: number;
  readonly maxConnections: number;
  readonly firstNumber: number;
  readonly cores: Cores;
  readonly turn: LoadTurn;
}

export interface PacedResult {
  /** With those that are not counted. */
  readonly sent: number;
  readonly requests: number;
  readonly errors: number;
  readonly errorSample?: string;
  /** In the order of the shares. */
  readonly sources: readonly { readonly requests: number; readonly p50Ms: number; readonly p99Ms: number }[];
}

const script = fileURLToPath(new URL('paced-process.js', import.meta.url));
/** Few collections of garbage, each on the core that it has: those of a load are none of the server's, and helpers of theirs would wait for the server's cores. */
const flags = ['--min-semi-space-size=64', '--max-semi-space-size=64', '--single-threaded-gc'];

export function loadPaced(options: PacedOptions): Promise<PacedResult> {
  return new Promise((resolve, reject) => {
    const { program, args } = loadOnCores(options.cores, options.turn, process.execPath, [...flags, script]);
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.once('error', reject);
    child.once('close', (status) => {
      if (status === 0) resolve(JSON.parse(output) as PacedResult);
      else reject(new Error(`the paced load ended with status ${status}`));
    });
    child.stdin.end(JSON.stringify(options));
  });
}
