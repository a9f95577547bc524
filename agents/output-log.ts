// Writes what an agent prints into the structured log: line by line, bounded in length and rate.

import type { Clock } from '../broker/ground/clock.ts'
import { Deadline, type Deadlines } from '../broker/ground/deadlines.ts'
import { logLevels, type LogLevel } from '../broker/ground/settings.ts'
import type { Log } from '../broker/ground/types.ts'
import type { LastLines } from './last-lines.ts'
import { LineBudget, type LineRate } from './line-budget.ts'
import { LineSplitter } from './line-splitter.ts'
import { readLogLine, type LogLine } from './log-line.ts'
import type { Mask } from './secret-copies.ts'

export interface OutputLogOptions {
  readonly stream: 'stdout' | 'stderr'
  readonly log: Log
  readonly clock: Clock
  readonly deadlines: Deadlines
  /** The agent's token, not empty: an agent that prints its environment must not put it into the log. undefined: it has none. */
  readonly secret: string | undefined
  /** What else it must not put there. Default: nothing. */
  readonly masks?: readonly Mask[] | undefined
  readonly rate?: LineRate
  /** Lines below it are not logged, and not counted. Default: all are. */
  readonly level?: LogLevel | undefined
  /** Gets every line, those too that are not logged. */
  readonly recent?: LastLines | undefined
}

/** Longest part of a line that is logged. bytes */
export const MAX_LINE_BYTES = 8192

const DEFAULT_RATE: LineRate = { burst: 1000, perSecond: 100 }

// Fewer characters of a secret give nothing away, and may be something else.
const CUT_CHARACTERS = 4

// How long suppressed lines may go untold.
const REPORT_MS = 1000

/**
 * One output stream of one agent. It is always read, whatever comes: stopping would block the agent, keeping would cost
 * memory. Lines beyond the rate are counted, and the count is logged within a second.
 */
export class OutputLog {
  readonly #options: OutputLogOptions
  readonly #splitter: LineSplitter
  readonly #budget: LineBudget
  readonly #report = new Deadline(() => this.#reportSuppressed())

  constructor(options: OutputLogOptions) {
    this.#options = options
    this.#budget = new LineBudget(options.clock, options.rate ?? DEFAULT_RATE)
    this.#splitter = new LineSplitter(MAX_LINE_BYTES, (line, cutBytes) => this.#line(line, cutBytes))
  }

  push(chunk: Uint8Array): void {
    this.#splitter.push(chunk)
  }

  /** The stream has ended: logs what is left. */
  end(): void {
    this.#splitter.end()
    this.#reportSuppressed()
  }

  #line(bytes: Uint8Array, cutBytes: number): void {
    if (bytes.length === 0) return
    const { stream, level: least, recent } = this.#options
    // Read before the rate only then: what nobody wants to see must not use up the room of what is wanted, and a flood must cost little.
    const early = least === undefined ? undefined : this.#read(bytes, cutBytes)
    const isWanted = early === undefined || logLevels.indexOf(early.level) >= logLevels.indexOf(least!)
    const isLogged = isWanted && this.#budget.take()
    recent?.add({ stream, bytes, cutBytes, isSuppressed: !isLogged, read: this.#text })
    if (isLogged) this.#log(early ?? this.#read(bytes, cutBytes), cutBytes)
    else if (isWanted && !this.#report.isSet) this.#options.deadlines.set(this.#report, REPORT_MS)
  }

  #log({ level, fields, text }: LogLine, cutBytes: number): void {
    this.#reportSuppressed()
    const { stream, log } = this.#options
    log[level]({ ...fields, stream, ...(cutBytes > 0 && { cutBytes }) }, text)
  }

  #read(bytes: Uint8Array, cutBytes: number): LogLine {
    return readLogLine(this.#text(bytes, cutBytes), this.#options.stream === 'stderr' ? 'warn' : 'info')
  }

  readonly #text = (bytes: Uint8Array, cutBytes: number): string => {
    const { secret, masks = [] } = this.#options
    const all = secret === undefined ? masks : [{ text: secret, shown: '[token]' }, ...masks]
    // With `stream` a character that was cut in two is left out; one that is not UTF-8 becomes U+FFFD.
    const printed = new TextDecoder().decode(bytes, { stream: cutBytes > 0 })
    const text = all.reduce((left, mask) => left.replaceAll(mask.text, () => mask.shown), printed)
    return cutBytes === 0 ? text : all.reduce(withoutBeginning, text)
  }

  #reportSuppressed(): void {
    this.#options.deadlines.cancel(this.#report)
    const lines = this.#budget.takeSuppressed()
    if (lines > 0) this.#options.log.warn({ stream: this.#options.stream, suppressedLines: lines }, 'the agent writes more lines than are logged')
  }
}

// Where a line is cut within a secret, most of the secret would stand at its end.
function withoutBeginning(line: string, { text, shown }: Mask): string {
  for (let length = text.length - 1; length >= CUT_CHARACTERS; length--) if (line.endsWith(text.slice(0, length))) return line.slice(0, -length) + shown
  return line
}
