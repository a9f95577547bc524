// Reads what a ByteWriter wrote, in the same order.

export class ByteReader {
  readonly bytes: Buffer
  readonly #view: DataView
  at = 0
  readonly end: number

  constructor(memory: ArrayBuffer, length: number) {
    this.bytes = Buffer.from(memory)
    this.#view = new DataView(memory)
    this.end = length
  }

  get isDone(): boolean {
    return this.at >= this.end
  }

  u8(): number {
    return this.bytes[this.at++]!
  }

  u32(): number {
    const value = this.#view.getUint32(this.at)
    this.at += 4
    return value
  }

  f64(): number {
    const value = this.#view.getFloat64(this.at)
    this.at += 8
    return value
  }

  text(): string | undefined {
    const size = this.u32()
    if (size === 0) return undefined
    const start = this.at
    this.at += size - 1
    return this.bytes.toString('utf8', start, this.at)
  }

  /** Length of the bytes that follow; they begin at `at`. */
  bytesLength(): number {
    return this.u32()
  }
}
