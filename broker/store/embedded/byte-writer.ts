// Writes numbers, text and bytes one behind the other into memory that grows, to be handed to another thread as a whole.

/** Most groups of a queue that is not full need less. */
const MIN_BYTES = 4 * 1024

export class ByteWriter {
  #bytes: Buffer<ArrayBuffer>
  #view: DataView
  length = 0

  /** @param memory taken over; undefined: memory is taken with the first that is written */
  constructor(memory?: ArrayBuffer) {
    this.#bytes = memory === undefined ? Buffer.allocUnsafeSlow(0) : Buffer.from(memory)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** The memory that it wrote to; the writer is done with it. */
  take(): ArrayBuffer {
    return this.#bytes.buffer
  }

  u8(value: number): void {
    this.#room(1)
    this.#bytes[this.length++] = value
  }

  u32(value: number): void {
    this.#room(4)
    this.#view.setUint32(this.length, value)
    this.length += 4
  }

  f64(value: number): void {
    this.#room(8)
    this.#view.setFloat64(this.length, value)
    this.length += 8
  }

  /** Takes memory for so many bytes at once, instead of growing towards them. */
  reserve(bytes: number): void {
    this.#room(bytes)
  }

  /** Replaces a number that was written at `at`. */
  setU32(at: number, value: number): void {
    this.#view.setUint32(at, value)
  }

  /** undefined is told from the empty text. */
  text(value: string | undefined): void {
    if (value === undefined) return this.u32(0)
    this.#room(4 + 3 * value.length)
    const written = this.#bytes.write(value, this.length + 4)
    this.#view.setUint32(this.length, written + 1)
    this.length += 4 + written
  }

  /** `source[start..end)` with its length before it. */
  bytes(source: Uint8Array, start = 0, end = source.length): void {
    const size = end - start
    this.#room(4 + size)
    this.#view.setUint32(this.length, size)
    this.#bytes.set(start === 0 && end === source.length ? source : source.subarray(start, end), this.length + 4)
    this.length += 4 + size
  }

  #room(bytes: number): void {
    if (this.length + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(MIN_BYTES, this.#bytes.length * 2, this.length + bytes))
    larger.set(this.#bytes.subarray(0, this.length))
    this.#bytes = larger
    this.#view = new DataView(larger.buffer)
  }
}
