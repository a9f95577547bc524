// What an instance of an agent printed last, whatever of it was logged: kept as bytes, read when somebody asks. Knows no log.

import type { AgentLogLine } from '../broker/ground/agent-line.ts'

/** Lines that are kept. */
export const MAX_LINES = 200
/** Most bytes of them: with 1,000 agents that all print long lines, 128 MiB. */
export const MAX_BYTES = 128 * 1024

/** One line as it came. */
export interface PrintedLine {
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

interface KeptLine extends PrintedLine {
  readonly seq: number
  readonly timeMs: number
  readonly start: number
}

// One count for all agents of this process: a single number says how far somebody has read.
let lastSeq = 0

/** The lines of one instance, of all its processes; the oldest go first. */
export class LastLines {
  readonly #instance: string
  readonly #wallMicros: () => number
  #lines: KeptLine[] = []
  #bytes = 0
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

  add(line: PrintedLine): void {
    // Copied: a view would hold on to the chunk, or to what other lines are cut out of.
    const bytes = new Uint8Array(line.bytes)
    this.#lines.push({ ...line, bytes, seq: ++lastSeq, timeMs: Math.floor(this.#wallMicros() / 1000), start: this.#start })
    this.#bytes += bytes.length
    let gone = 0
    while (this.#lines.length - gone > MAX_LINES || this.#bytes > MAX_BYTES) this.#bytes -= this.#lines[gone++]!.bytes.length
    if (gone > 0) this.#lines.splice(0, gone)
  }

  /** The last `limit` lines after position `after`, oldest first. */
  last(limit: number, after = 0): AgentLogLine[] {
    return this.#lines.filter(({ seq }) => seq > after).slice(-limit).map((line) => this.#shown(line))
  }

  /** Those of the process that began last. */
  ofLatestStart(): AgentLogLine[] {
    return this.#lines.filter(({ start }) => start === this.#start).map((line) => this.#shown(line))
  }

  #shown({ seq, timeMs, start, stream, bytes, cutBytes, isSuppressed, read }: KeptLine): AgentLogLine {
    return { seq, time: timeMs, instance: this.#instance, start, stream, text: read(bytes, cutBytes), ...(cutBytes > 0 && { cutBytes }), ...(isSuppressed && { suppressed: true as const }) }
  }
}
