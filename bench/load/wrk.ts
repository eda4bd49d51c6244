import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCpuSeconds } from '../measure/cpu.ts';
import { loadOnCores } from '../stack/cores.ts';
import { rootDir } from '../stack/root-dir.ts';
import type { LoadGenerator, LoadOptions } from './load.ts';
import { requestParts, type Part, type RequestSource } from './source.ts';

const script = join(rootDir, 'bench', 'load', 'wrk.lua');
const timeoutSeconds = 10;
/** Before it ends wrk's processor time has to be read. */
const cpuPollMs = 100;

/** Load by wrk, with one thread: https://github.com/wg/wrk */
export const loadWithWrk: LoadGenerator = async (options) => {
  const dir = mkdtempSync(join(tmpdir(), 'wafer-wrk-'));
  try {
    const specFile = join(dir, 'spec.lua');
    const resultFile = join(dir, 'result');
    writeFileSync(specFile, toLua(options));
    const { url, connections, seconds, cores } = options;
    const args = ['-t1', `-c${connections}`, `-d${seconds}s`, `--timeout=${timeoutSeconds}s`, `-s${script}`, url];
    const generatorCpuSeconds = await runWrk(loadOnCores(cores, 'last', 'wrk', args), specFile, resultFile);
    const [first = '', errorSample = ''] = readFileSync(resultFile, 'utf8').split('\n');
    const [requests = 0, durationUs = 0, p50Us = 0, p99Us = 0, errors = 0] = first.split(' ').map(Number);
    return {
      requests,
      requestsPerSecond: requests / (durationUs / 1e6),
      p50Ms: p50Us / 1000,
      p99Ms: p99Us / 1000,
      errors,
      ...(errorSample === '' ? {} : { errorSample }),
      generatorCpuSeconds,
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
};

function runWrk(command: { program: string; args: string[] }, specFile: string, resultFile: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, BENCH_SPEC: specFile, BENCH_RESULT: resultFile };
    const child = spawn(command.program, command.args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    let cpuSeconds = 0;
    const timer = setInterval(() => (cpuSeconds = readCpuSeconds(child.pid ?? 0) ?? cpuSeconds), cpuPollMs);
    child.once('error', reject);
    child.once('close', (status) => {
      clearInterval(timer);
      if (status === 0) resolve(cpuSeconds);
      else reject(new Error(`wrk ended with status ${status}:\n${output}`));
    });
  });
}

function toLua({ shares, firstNumber }: LoadOptions): string {
  const sources = shares.map(({ source, share }) => sourceToLua(source, share));
  return `return { firstNumber = ${firstNumber}, expect = ${quote(commonExpectation(shares))}, sources = {${sources.join(',')}} }`;
}

function sourceToLua(source: RequestSource, share: number): string {
  const parts = requestParts(source).map(partToLua);
  return `{ share = ${share}, recordsFile = ${quote(source.recordsFile)}, recordBytes = ${source.recordBytes}, records = ${source.records}, parts = {${parts.join(',')}} }`;
}

function partToLua(part: Part): string {
  if (typeof part === 'string') return quote(part);
  return 'number' in part ? '{ number = true }' : `{ from = ${part.from}, length = ${part.length} }`;
}

/** wrk does not say which request an answer belongs to, so a mixed load is checked for what its answers have in common. */
function commonExpectation(shares: LoadOptions['shares']): string {
  const texts = new Set(shares.map(({ source }) => source.expect));
  return texts.size === 1 ? ([...texts][0] as string) : '"returnCode":0,';
}

function quote(text: string): string {
  return `"${[...Buffer.from(text)].map((byte) => `\\${String(byte).padStart(3, '0')}`).join('')}"`;
}
