import { numberDigits, type Part, type RequestSource } from './source.ts';

/** Puts the parts of a request together. @param data the records of the source */
export function createRenderer(
  source: RequestSource,
  data: Buffer,
): (parts: readonly Part[], number: number) => string {
  const { records, recordBytes } = source;
  return (parts, number) => {
    const start = (number % records) * recordBytes;
    let text = '';
    for (const part of parts) {
      if (typeof part === 'string') text += part;
      else if ('number' in part) text += String(number).padStart(numberDigits, '0');
      else text += data.toString('latin1', start + part.from, start + part.from + part.length);
    }
    return text;
  };
}
