const headerLength = 4;

/** Cuts a byte stream of the MySQL protocol into packets: three bytes of length, one of sequence, then the payload. */
export class PacketSplitter {
  #pending: Buffer = Buffer.alloc(0);
  readonly #onPacket: (sequence: number, payload: Buffer) => void;

  constructor(onPacket: (sequence: number, payload: Buffer) => void) {
    this.#onPacket = onPacket;
  }

  read(chunk: Buffer): void {
    let rest = this.#pending.length > 0 ? Buffer.concat([this.#pending, chunk]) : chunk;
    while (rest.length >= headerLength) {
      const end = headerLength + rest.readUIntLE(0, 3);
      if (rest.length < end) break;
      this.#onPacket(rest.readUInt8(3), rest.subarray(headerLength, end));
      rest = rest.subarray(end);
    }
    this.#pending = rest;
  }
}
