import { access, readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder sql/ of the package that this module belongs to, from source and from dist/ alike. */
export async function findSqlFolder(): Promise<string> {
  for (let folder = path.dirname(fileURLToPath(import.meta.url)); ; folder = path.dirname(folder)) {
    const isPackage = await access(path.join(folder, 'package.json')).then(
      () => true,
      () => false,
    );
    if (isPackage) return path.join(folder, 'sql');
    if (folder === path.dirname(folder))
      throw new Error('sql/ was not found: no folder above this file has a package.json');
  }
}

/** The numbered files (0001-….sql), by name; sql/db.sql is none. */
export async function listSqlFiles(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((file) => /^\d{4}-[a-z0-9-]+\.sql$/.test(file)).toSorted();
}

/** The statements of a file of ours: comments stand on lines of their own, each statement ends in `;` at the end of a line. */
export async function readStatements(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8');
  return text
    .replaceAll(/^\s*--.*$/gm, '')
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}
