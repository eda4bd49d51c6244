import { createReadStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { TokenScanner } from './token-scanner.ts';
import { leftFolder, secretsFolder } from './traces.ts';

export interface SearchResult {
  readonly secrets: number;
  readonly files: number;
  readonly bytes: number;
  /** `file: kind (how often)`; never the secret itself. */
  readonly found: readonly string[];
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** base64, codes (`alice~1`), and what escaping makes of them in URLs and in JSON. */
const wide = `${letters}+/_~.%-\\`;
const isWord = /^[A-Za-z0-9]+$/;

/** Looks for every noted secret in everything that the programs of a test run left behind. */
export async function searchSecrets(traces: string): Promise<SearchResult> {
  const kinds = readSecrets(secretsFolder(traces));
  const words = new Set([...kinds.keys()].filter((text) => isWord.test(text)));
  const others = new Set([...kinds.keys()].filter((text) => !isWord.test(text)));
  const folder = leftFolder(traces);
  const files = existsSync(folder) ? listFiles(folder) : [];
  const found: string[] = [];
  let bytes = 0;
  for (const file of files) {
    const counts = new Map<string, number>();
    const onFound = (text: string) => {
      const kind = kinds.get(text) ?? '';
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    };
    const scanners = [new TokenScanner(letters, words), new TokenScanner(wide, others)];
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      for (const scanner of scanners) scanner.scan(chunk, false, onFound);
    }
    for (const scanner of scanners) scanner.scan(Buffer.alloc(0), true, onFound);
    for (const [kind, count] of counts) found.push(`${relative(folder, file)}: ${kind} (${count}×)`);
  }
  return { secrets: kinds.size, files: files.length, bytes, found };
}

/** Kinds by the spellings that a secret may have. base64 is looked for without its padding. */
function readSecrets(folder: string): Map<string, string> {
  const kinds = new Map<string, string>();
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    for (const line of readFileSync(join(folder, name), 'utf8').split('\n')) {
      if (line === '') continue;
      const [kind, secret] = JSON.parse(line) as [string, string];
      const bare = secret.replace(/=+$/, '');
      const spellings = [bare, encodeURIComponent(bare), encodeURIComponent(secret), bare.replaceAll('/', '\\/')];
      for (const spelling of spellings) kinds.set(spelling, kind);
    }
  }
  return kinds;
}

function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
