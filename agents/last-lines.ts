// What an instance of an agent printed last, whatever of it was logged: kept as bytes, read when somebody asks. Knows no log.

import type { AgentLogLine } from '../broker/ground/agent-line.ts'

/** Lines that are kept. */
export const MAX_LINES = 200
/** Most bytes of them: with 1,000 agents that all print long lines, 128 MiB. */
export const MAX_BYTES = 128 * 1024
/** What the ring has at first. */
const FIRST_BYTES = 4096

/** One line as it came. */
interface PrintedLine {
  readonly stream: AgentLogLine['stream']
  /** A view that holds until the call returns. */
  readonly bytes: Uint8Array
  /** What followed in the same line and was dropped. */
  readonly cutBytes: number
  /** The log's rate kept it out of the log. */
  readonly isSuppressed: boolean
  /** Makes text of it, without secrets. */
  readonly read: (bytes: Uint8Array, cutBytes: number) => string
}

interface KeptLine extends Omit<PrintedLine, 'bytes'> {
  readonly seq: number
  readonly timeMs: number
  readonly start: number
  /** Where its bytes are. */
  readonly offset: number
  readonly length: number
}

// One count for all agents of this process: a single number says how far somebody has read.
let lastSeq = 0

/**
 * The lines of one instance, of all its processes; the oldest go first. The bytes lie in one ring, each line in one piece:
 * agents may print a million lines a second, and memory of its own for each took most of that second.
 *
 *   | line 9 | line 10 |  free  | line 6 | line 7 | line 8 | rest |
 *                      next
 */
export class LastLines {
  readonly #instance: string
  readonly #wallMicros: () => number
  /** Oldest first. */
  readonly #lines: KeptLine[] = []
  /** Made by the first line, and larger as lines need it: most agents print little. */
  #bytes = new Uint8Array(0)
  /** Bytes of the lines that are there. */
  #kept = 0
  #next = 0
  #start = 0

  /** `instance`: its id. */
  constructor(instance: string, wallMicros: () => number) {
    this.#instance = instance
    this.#wallMicros = wallMicros
  }

  /** A process begins: lines from now on are its own. */
  begin(): void {
    this.#start++
  }

  /** Of a line longer than all that is kept, its beginning. */
  add({ bytes, stream, cutBytes, isSuppressed, read }: PrintedLine): void {
    const length = Math.min(bytes.length, MAX_BYTES)
    const offset = this.#makeRoom(length)
    this.#bytes.set(length < bytes.length ? bytes.subarray(0, length) : bytes, offset)
    this.#next = offset + length
    this.#lines.push({ seq: ++lastSeq, timeMs: Math.floor(this.#wallMicros() / 1000), start: this.#start, stream, cutBytes: cutBytes + bytes.length - length, isSuppressed, read, offset, length })
  }

  // Where the next line goes: those that are there go, the oldest first.
  #makeRoom(length: number): number {
    const lines = this.#lines
    if (lines.length >= MAX_LINES) this.#forget()
    // At the end of the ring all lines lie in front, in their order: it can become larger.
    if (this.#next + length > this.#bytes.length && this.#bytes.length < MAX_BYTES && this.#kept + length > this.#bytes.length / 2) this.#grow(this.#next + length)
    let offset = this.#next
    if (offset + length > this.#bytes.length) {
      while (lines.length > 0 && lines[0]!.offset >= offset) this.#forget()
      offset = 0
    }
    while (lines.length > 0 && lines[0]!.offset < offset + length && lines[0]!.offset + lines[0]!.length > offset) this.#forget()
    this.#kept += length
    return offset
  }

  #grow(needed: number): void {
    const larger = new Uint8Array(Math.min(MAX_BYTES, Math.max(FIRST_BYTES, needed, this.#bytes.length * 2)))
    larger.set(this.#bytes)
    this.#bytes = larger
  }

  #forget(): void {
    this.#kept -= this.#lines.shift()!.length
  }

  /** The last `limit` lines after position `after`, oldest first. */
  last(limit: number, after = 0): AgentLogLine[] {
    return this.#lines.filter(({ seq }) => seq > after).slice(-limit).map((line) => this.#shown(line))
  }

  /** Those of the process that began last. */
  ofLatestStart(): AgentLogLine[] {
    return this.#lines.filter(({ start }) => start === this.#start).map((line) => this.#shown(line))
  }

  #shown({ seq, timeMs, start, stream, cutBytes, isSuppressed, read, offset, length }: KeptLine): AgentLogLine {
    const bytes = this.#bytes.subarray(offset, offset + length)
    return { seq, time: timeMs, instance: this.#instance, start, stream, text: read(bytes, cutBytes), ...(cutBytes > 0 && { cutBytes }), ...(isSuppressed && { suppressed: true as const }) }
  }
}
