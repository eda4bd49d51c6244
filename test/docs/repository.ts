import { readdirSync, readFileSync } from 'node:fs';
import { basename, extname, join, relative } from 'node:path';
import { rootDir } from '../support/built.ts';

const notOurs = new Set(['node_modules', 'dist', 'coverage', '.git', '.data']);
const withText = new Set('.md .ts .js .sql .yml .yaml .json .conf .lua .php .py .go .java .sh .service'.split(' '));

/** Every file of the repository, as paths from its root. */
export const files: readonly string[] = listFiles(rootDir).map((file) => relative(rootDir, file));

/** The pages of documentation, in both languages. */
export const pages: readonly string[] = files.filter((file) => file.endsWith('.md'));

/** Files that may hold comments of ours; not what others wrote or programs made. */
export const sources: readonly string[] = files.filter(
  (file) =>
    !file.startsWith('test/data/') &&
    basename(file) !== 'package-lock.json' &&
    !file.endsWith('.md') &&
    (withText.has(extname(file)) || /^(Dockerfile|\.env\.example|\.ci\/run)$/.test(file)),
);

export function read(file: string): string {
  return readFileSync(join(rootDir, file), 'utf8');
}

/** Line of the character at `index`, counted from 1, as in `README.md:12`. */
export function placeOf(file: string, text: string, index: number): string {
  return `${file}:${text.slice(0, index).split('\n').length}`;
}

function listFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (notOurs.has(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? listFiles(path) : [path];
  });
}
