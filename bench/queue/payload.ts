// The 200 bytes of a message: its number, the moment it was due, and what fills the rest. Tells what came back wrong.

const MESSAGE_BYTES = 200
const NUMBER_AT = 0
const DUE_AT = 4
const FILL_AT = 12

/** A message of its own memory, out of Node's pool as what programs make of texts: clients may keep it until it is acknowledged. `dueMs`: on performance.now() */
export function makePayload(number: number, dueMs: number): Buffer {
  const payload = Buffer.allocUnsafe(MESSAGE_BYTES).fill(0x2e)
  payload.writeUInt32LE(number, NUMBER_AT)
  payload.writeDoubleLE(dueMs, DUE_AT)
  return payload
}

/** Which messages were published and taken. */
export class Ledger {
  readonly #taken: Uint8Array
  #published: number
  #takenCount = 0
  readonly problems: string[] = []

  /** `before`: those that others have published. `most`: those that will be published here. */
  constructor(before: number, most: number) {
    this.#published = before
    this.#taken = new Uint8Array(before + most)
  }

  get taken(): number {
    return this.#takenCount
  }

  /** The next one's number. */
  next(): number {
    return this.#published++
  }

  /** The moment at which it was due; undefined for what is no message of ours. ms */
  take(payload: Uint8Array): number | undefined {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
    const number = payload.byteLength === MESSAGE_BYTES ? view.getUint32(NUMBER_AT, true) : Infinity
    this.#takenCount++
    if (number >= this.#taken.length || payload[FILL_AT] !== 0x2e || payload[MESSAGE_BYTES - 1] !== 0x2e) {
      this.#problem(`a message of ${payload.byteLength} bytes came that nobody published`)
      return undefined
    }
    if (this.#taken[number] === 1) this.#problem(`message ${number} came twice`)
    this.#taken[number] = 1
    return view.getFloat64(DUE_AT, true)
  }

  /** Says what was published and did not come. */
  close(): void {
    const missing = this.#taken.subarray(0, this.#published).reduce((count, taken) => count + (taken === 0 ? 1 : 0), 0)
    if (missing > 0) this.#problem(`${missing} of ${this.#published} messages were acknowledged and did not come`)
  }

  #problem(text: string): void {
    if (this.problems.length < 10) this.problems.push(text)
  }
}
