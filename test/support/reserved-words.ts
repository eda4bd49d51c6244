import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { rootDir } from './built.ts';

const servers = ['mysql-9.7.4', 'mariadb-11.8.9'] as const;

const words = servers.map((server) => {
  const file = join(rootDir, 'test/data/reserved-words', `${server}.txt`);
  return { server, reserved: new Set(readFileSync(file, 'utf8').split('\n').filter(Boolean)) };
});

/** By word. What all servers reserve fails on each of them, so the tests find it by themselves. */
const onlyReservedBy = new Map(
  words.flatMap(({ server, reserved }) =>
    [...reserved].filter((word) => words.some((other) => !other.reserved.has(word))).map((word) => [word, server]),
  ),
);

/**
 * What stands in statements with the meaning that every server gives it: a function, a part of `limit`; and `returning`, which the
 * product tries, and does without where the answer is a syntax error.
 */
const asMeant = /\bdatabase\s*\(\s*\)|\blimit\s+\S+\s+offset\b|^insert into .* returning id, uuid$/gis;

const suspicious = new RegExp(`\\b(?:${[...onlyReservedBy.keys()].join('|')}|(?:md5|sha1?)(?=\\())\\b`, 'gi');
/** Its md5() and sha1() are in a component that few install. */
const withoutOldHashes = 'mysql-9.7.4';
const quoted = /'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`[^`]*`|\/\*.*?\*\/|(?:--\s|#)[^\n]*/gs;
/** Longer statements repeat themselves: many rows. */
const longestRead = 8000;

/** A bare word of the statement that one of the supported servers reserves and another does not, or a function that one has not. */
export function findReservedName(sql: string): { word: string; server: string } | undefined {
  const ends = sql.length > longestRead ? sql.slice(0, longestRead / 2) + sql.slice(-longestRead / 2) : sql;
  if (ends.search(suspicious) === -1) return undefined;
  const bare = sql.replace(quoted, "''");
  const word = bare.replace(asMeant, '').match(suspicious)?.[0]?.toLowerCase();
  return word === undefined ? undefined : { word, server: onlyReservedBy.get(word) ?? withoutOldHashes };
}
