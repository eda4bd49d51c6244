export interface Statement {
  text: string;
  /** The first word in lower case: select, insert, update, delete, set, start, commit … */
  kind: string;
  /** The first table that is named, as it is written, without its database. */
  table: string | undefined;
}

export function parseStatement(text: string): Statement {
  const bare = text.replace(/^(\s|\/\*.*?\*\/|--[^\n]*\n)+/s, '');
  const kind = /^[a-z]+/i.exec(bare)?.[0].toLowerCase() ?? '';
  const named =
    /\b(?:from|into|update|join|table(?:\s+if\s+(?:not\s+)?exists)?)\s+(?:ignore\s+)?((?:`[^`]+`|\w+)(?:\.(?:`[^`]+`|\w+))?)/i;
  const isData = !['set', 'start', 'begin', 'commit', 'rollback', 'use'].includes(kind);
  const table = isData ? named.exec(bare)?.[1] : undefined;
  return { text, kind, table: table?.split('.').at(-1)?.replaceAll('`', '') };
}
