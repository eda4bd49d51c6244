import { numberDigits, type Part, type RequestSource } from './source.ts';

/** Puts the parts of a request together. @param data the records of the source */
export function createRenderer(source: RequestSource, data: Buffer): (parts: readonly Part[], number: number) => string {
  const { records, recordBytes } = source;
  return (parts, number) => {
    const start = (number % records) * recordBytes;
    let text = '';
    for (const part of parts) {
      if (part === 'NUMBER') text += String(number).padStart(numberDigits, '0');
      else if (typeof part === 'string') text += part;
      else text += data.latin1Slice(start + part.from, start + part.from + part.length);
    }
    return text;
  };
}
