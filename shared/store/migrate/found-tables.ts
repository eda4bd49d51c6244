/** Runs a statement that only reads. */
export type Select = <Row extends object>(sql: string) => Promise<Row[]>;

export interface FoundColumn {
  readonly name: string;
  /** `varchar`, `int`, … in lower case. */
  readonly dataType: string;
  /** `int(11) unsigned`, … */
  readonly columnType: string;
  /** Of text. */
  readonly characters: number | null;
  /** Of text and binary types. */
  readonly octets: number | null;
  readonly isNullable: boolean;
  /** Without a value in an insert it takes a default, NULL, or what it is generated from. */
  readonly hasDefault: boolean;
  readonly isGenerated: boolean;
  readonly isAutoIncrement: boolean;
  readonly changesOnUpdate: boolean;
}

interface FoundKey {
  readonly name: string;
  readonly isUnique: boolean;
  /** In their order, in lower case. */
  readonly columns: readonly string[];
}

export interface FoundTable {
  readonly name: string;
  /** `BASE TABLE`, `VIEW`, … */
  readonly type: string;
  readonly engine: string;
  readonly isPartitioned: boolean;
  /** In lower case: `dynamic`, `compact`, … */
  readonly rowFormat: string;
  /** Bytes that a character takes at most by the table's default. */
  readonly bytesPerCharacter: number;
  /** By names in lower case. */
  readonly columns: ReadonlyMap<string, FoundColumn>;
  readonly keys: readonly FoundKey[];
  /** Those that this user may see. */
  readonly triggers: readonly string[];
  /** Foreign keys of this table and to it, and its checks. */
  readonly constraints: readonly string[];
}

export interface FoundTables {
  /** Whether the server tells names of tables apart by case. */
  readonly isCaseSensitive: boolean;
  readonly tables: readonly FoundTable[];
}

interface ColumnRow {
  readonly t: string;
  readonly c: string;
  readonly dataType: string;
  readonly columnType: string;
  readonly characters: number | string | null;
  readonly octets: number | string | null;
  readonly nullable: string;
  readonly byDefault: unknown;
  readonly extra: string;
}

const toNumber = (value: number | string | null) => (value === null ? null : Number(value));

/** Looks at all tables of the selected database; changes nothing and reads no row of them. */
export async function readFoundTables(select: Select): Promise<FoundTables> {
  const [server] = await select<{ fold: number | string }>('select @@lower_case_table_names as fold');
  const tables = await select<{
    t: string;
    type: string;
    engine: string | null;
    format: string | null;
    options: string | null;
    width: number | string | null;
  }>(
    `select t.table_name as t, t.table_type as type, t.engine as engine, t.row_format as format, t.create_options as options, s.maxlen as width
       from information_schema.tables t
       left join information_schema.collations c on c.collation_name = t.table_collation
       left join information_schema.character_sets s on s.character_set_name = c.character_set_name
       where t.table_schema = database()`,
  );
  const columns = await select<ColumnRow>(
    `select table_name as t, column_name as c, data_type as dataType, column_type as columnType, character_maximum_length as characters,
       character_octet_length as octets, is_nullable as nullable, column_default as byDefault, extra as extra
       from information_schema.columns where table_schema = database()`,
  );
  const keys = await select<{ t: string; k: string; c: string | null; repeats: number | string }>(
    `select table_name as t, index_name as k, column_name as c, non_unique as repeats
       from information_schema.statistics where table_schema = database() order by table_name, index_name, seq_in_index`,
  );
  const triggers = await select<{ t: string; name: string }>(
    'select event_object_table as t, trigger_name as name from information_schema.triggers where event_object_schema = database()',
  );
  const foreign = await select<{ t: string; name: string; other: string }>(
    `select table_name as t, constraint_name as name, referenced_table_name as other
       from information_schema.key_column_usage where table_schema = database() and referenced_table_name is not null`,
  );
  return {
    isCaseSensitive: Number(server?.fold) === 0,
    tables: tables.map(({ t, type, engine, format, options, width }) => ({
      name: t,
      type: type.toUpperCase(),
      engine: engine ?? '',
      isPartitioned: /partitioned/i.test(options ?? ''),
      rowFormat: (format ?? '').toLowerCase(),
      bytesPerCharacter: Number(width ?? 4),
      columns: new Map(
        columns.filter((row) => row.t === t).map((row) => [row.c.toLowerCase(), toColumn(row)] as const),
      ),
      keys: toKeys(keys.filter((row) => row.t === t)),
      triggers: triggers.filter((row) => row.t === t).map(({ name }) => name),
      constraints: [
        ...foreign.filter((row) => row.t === t).map(({ name, other }) => `the foreign key ${name} to ${other}`),
        ...foreign
          .filter((row) => row.other.toLowerCase() === t.toLowerCase())
          .map(({ name, t: from }) => `the foreign key ${name} from ${from}`),
      ],
    })),
  };
}

/** The checks of a table, which are not in information_schema everywhere. */
export async function readChecks(select: Select, table: string): Promise<string[]> {
  const [row] = await select<Record<string, string>>(`show create table \`${table}\``);
  const text = row?.['Create Table'] ?? '';
  return [...text.matchAll(/^ {2}(?:CONSTRAINT `(?<name>[^`]+)` CHECK|`(?<column>[^`]+)` .*\bCHECK \()/gm)].map(
    ({ groups }) => `the check ${groups?.['name'] ?? `of ${groups?.['column']}`}`,
  );
}

function toColumn(row: ColumnRow): FoundColumn {
  const extra = row.extra.toLowerCase();
  const isGenerated = /(virtual|stored|persistent) generated/.test(extra);
  const isNullable = row.nullable.toUpperCase() === 'YES';
  const isAutoIncrement = extra.includes('auto_increment');
  return {
    name: row.c,
    dataType: row.dataType.toLowerCase(),
    columnType: row.columnType,
    characters: toNumber(row.characters),
    octets: toNumber(row.octets),
    isNullable,
    hasDefault: isNullable || isGenerated || isAutoIncrement || row.byDefault !== null,
    isGenerated,
    isAutoIncrement,
    changesOnUpdate: extra.includes('on update'),
  };
}

function toKeys(rows: readonly { k: string; c: string | null; repeats: number | string }[]): FoundKey[] {
  const names = [...new Set(rows.map(({ k }) => k))];
  return names.map((name) => {
    const parts = rows.filter(({ k }) => k === name);
    return {
      name,
      isUnique: Number(parts[0]?.repeats) === 0,
      columns: parts.map(({ c }) => (c ?? '').toLowerCase()),
    };
  });
}
