// Cuts a byte stream into lines of bounded length. Knows bytes and line ends, no text.

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

/**
 * Hands every line of the pushed chunks to `onLine`, without its end (`\n` or `\r\n`). `line` is a view that holds until
 * the call returns; `cutBytes` counts what followed in the same line beyond `maxLineBytes` and was dropped.
 * Keeps at most `maxLineBytes`, however long a line is and however small its chunks are.
 */
export class LineSplitter {
  readonly #maxLineBytes: number
  readonly #onLine: (line: Uint8Array, cutBytes: number) => void
  // The beginning of a line whose end has not come; allocated once a chunk ends within a line.
  #kept: Uint8Array | undefined
  #keptBytes = 0
  #cutBytes = 0

  constructor(maxLineBytes: number, onLine: (line: Uint8Array, cutBytes: number) => void) {
    this.#maxLineBytes = maxLineBytes
    this.#onLine = onLine
  }

  push(chunk: Uint8Array): void {
    let from = 0
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
      if (this.#keptBytes === 0) this.#hand(chunk.subarray(from, Math.min(end, from + this.#maxLineBytes)), Math.max(0, end - from - this.#maxLineBytes))
      else {
        this.#keep(chunk.subarray(from, end))
        this.#handKept()
      }
      from = end + 1
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from))
  }

  /** Hands over a last line that has no end. */
  end(): void {
    if (this.#keptBytes > 0) this.#handKept()
    this.#kept = undefined
  }

  #keep(piece: Uint8Array): void {
    this.#kept ??= new Uint8Array(this.#maxLineBytes)
    const fitting = piece.subarray(0, this.#maxLineBytes - this.#keptBytes)
    this.#kept.set(fitting, this.#keptBytes)
    this.#keptBytes += fitting.length
    this.#cutBytes += piece.length - fitting.length
  }

  #handKept(): void {
    const line = this.#kept!.subarray(0, this.#keptBytes)
    const cutBytes = this.#cutBytes
    this.#keptBytes = this.#cutBytes = 0
    this.#hand(line, cutBytes)
  }

  #hand(line: Uint8Array, cutBytes: number): void {
    const hasReturn = cutBytes === 0 && line.at(-1) === CARRIAGE_RETURN
    this.#onLine(hasReturn ? line.subarray(0, -1) : line, cutBytes)
  }
}
