import { closeSync, openSync, writeSync } from 'node:fs';

/**
 * A piece of a request: fixed text, a slice of the request's record, or the request's number as ten digits. All requests of a source
 * are equally long.
 */
export type Part = string | Slice | { readonly number: true };

interface Slice {
  readonly from: number;
  readonly length: number;
}

/** A stream of requests that differ in what a file of records holds. */
export interface RequestSource {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, readonly Part[]>>;
  readonly body: readonly Part[];
  /** Records of equal length, without anything between them. */
  readonly recordsFile: string;
  readonly recordBytes: number;
  readonly records: number;
  /** What every good answer contains; any other voids the round. */
  readonly expect: string;
}

/** Of the requests of a load, `share` come from this source. */
export interface Share {
  readonly source: RequestSource;
  readonly share: number;
}

export const numberDigits = 10;

function byteLengthOf(parts: readonly Part[]): number {
  return parts.reduce(
    (sum, part) =>
      sum + (typeof part === 'string' ? Buffer.byteLength(part) : 'number' in part ? numberDigits : part.length),
    0,
  );
}

/** A whole request as it goes over the wire. */
export function requestParts({ method, path, headers, body }: RequestSource): Part[] {
  const length = body.length === 0 ? [] : [`Content-Length: ${byteLengthOf(body)}\r\n`];
  const fields = Object.entries(headers).flatMap(([name, value]) => [`${name}: `, ...value, '\r\n']);
  return [`${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n`, ...fields, ...length, '\r\n', ...body];
}

const recordsPerWrite = 10_000;

/** @returns the length of a record in bytes @throws {TypeError} if the records differ in length */
export function writeRecords(file: string, count: number, recordOf: (index: number) => string): number {
  const recordBytes = Buffer.byteLength(recordOf(0));
  const handle = openSync(file, 'w');
  for (let from = 0; from < count; from += recordsPerWrite) {
    const length = Math.min(recordsPerWrite, count - from);
    const text = Array.from({ length }, (_, offset) => recordOf(from + offset)).join('');
    if (Buffer.byteLength(text) !== length * recordBytes) throw new TypeError(`records of unequal length in ${file}`);
    writeSync(handle, text);
  }
  closeSync(handle);
  return recordBytes;
}
