import type { ExpectedTable } from './expected-tables.ts';
import type { FoundColumn, FoundTable } from './found-tables.ts';

/** MySQL's limit for all columns of a row together; long texts count with their pointers alone. */
const mostBytes = 65_535;
/** What of a row has to stay in its page of 16 kB, however long it is. */
const mostInPageBytes = 8126;
const pointerBytes = 12;

const fixedBytes: Readonly<Record<string, number>> = {
  tinyint: 1,
  smallint: 2,
  mediumint: 3,
  int: 4,
  bigint: 8,
  float: 4,
  double: 8,
  decimal: 30,
  date: 3,
  time: 6,
  datetime: 8,
  timestamp: 7,
  year: 1,
  enum: 2,
  set: 8,
  bit: 8,
};

/** Whether the rows of a table would be too wide for the columns that the migrations add and widen. */
export function isTooWide(table: FoundTable, expected: ExpectedTable): boolean {
  const widths = [...table.columns.values()].map((column) => {
    const widenedTo = expected.columns.find(({ name }) => name.toLowerCase() === column.name.toLowerCase())?.widenedTo;
    return widthOf(column, widenedTo);
  });
  const added = expected.columns.filter(({ name }) => !table.columns.has(name.toLowerCase()));
  widths.push(...added.map(({ definition, widenedTo }) => widthOfDefinition(definition, widenedTo, table)));
  const nullBytes = Math.ceil(widths.length / 8);
  const sum = (of: (width: number) => number) => widths.reduce((total, width) => total + of(width), nullBytes);
  if (sum((width) => width) > mostBytes) return true;
  // Formats of before 5.7 keep the first 768 bytes of each long value in the page.
  const keptBytes = ['compact', 'redundant'].includes(table.rowFormat) ? 788 : 40;
  return sum((width) => Math.min(width === pointerBytes ? keptBytes : width, keptBytes)) > mostInPageBytes;
}

function widthOf({ dataType, characters, octets }: FoundColumn, widenedTo: number | undefined): number {
  if (/text|blob|json|geometry|point|polygon|linestring/.test(dataType)) return pointerBytes;
  if (octets === null) return fixedBytes[dataType] ?? 16;
  const bytesPerCharacter = characters === null || characters === 0 ? 1 : octets / characters;
  return 2 + Math.max(octets, dataType === 'varchar' ? (widenedTo ?? 0) * bytesPerCharacter : 0);
}

function widthOfDefinition(definition: string, widenedTo: number | undefined, table: FoundTable): number {
  const [, type = '', length] = /^(\w+)(?:\((\d+)\))?/.exec(definition) ?? [];
  if (/text|blob/i.test(type)) return pointerBytes;
  if (/binary/i.test(type)) return 2 + Number(length);
  if (/char/i.test(type)) {
    const bytes = /collate utf8_/i.test(definition) ? 3 : table.bytesPerCharacter;
    return 2 + (widenedTo ?? Number(length)) * bytes;
  }
  return fixedBytes[type.toLowerCase()] ?? 16;
}
