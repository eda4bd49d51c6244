/** Looks for texts in a stream of bytes in one pass: cuts it into tokens and looks each one up. */
export class TokenScanner {
  readonly #isTokenByte: Uint8Array;
  readonly #texts: ReadonlySet<string>;
  readonly #lengths: Uint8Array;
  #carry: Buffer = Buffer.alloc(0);

  /** @param alphabet characters that tokens are made of; only texts of these are found, and only between others */
  constructor(alphabet: string, texts: ReadonlySet<string>) {
    this.#isTokenByte = new Uint8Array(256);
    for (const byte of Buffer.from(alphabet, 'latin1')) this.#isTokenByte[byte] = 1;
    this.#texts = texts;
    this.#lengths = new Uint8Array(Math.max(0, ...[...texts].map((text) => text.length)) + 2);
    for (const text of texts) this.#lengths[text.length] = 1;
  }

  /** @param isLast nothing comes after this chunk */
  scan(chunk: Buffer, isLast: boolean, onFound: (text: string) => void): void {
    const bytes = this.#carry.length === 0 ? chunk : Buffer.concat([this.#carry, chunk]);
    let start = 0;
    for (let index = 0; index <= bytes.length; index++) {
      if (index < bytes.length && this.#isTokenByte[bytes[index] as number] === 1) continue;
      if (index === bytes.length && !isLast) break;
      // Only a token as long as some text is worth a string.
      if (this.#lengths[index - start] === 1) {
        const token = bytes.toString('latin1', start, index);
        if (this.#texts.has(token)) onFound(token);
      }
      start = index + 1;
    }
    // Of a token that goes on in the next chunk; one byte more than the longest text is enough to know that it is none.
    this.#carry = isLast
      ? Buffer.alloc(0)
      : Buffer.from(bytes.subarray(Math.max(start, bytes.length - this.#lengths.length)));
  }
}
