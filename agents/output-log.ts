// Writes what an agent prints into the structured log: line by line, bounded in length and rate.

import type { Clock } from '../broker/ground/clock.ts'
import { Deadline, type Deadlines } from '../broker/ground/deadlines.ts'
import { logLevels, type LogLevel } from '../broker/ground/settings.ts'
import type { Log } from '../broker/ground/types.ts'
import { LineBudget, type LineRate } from './line-budget.ts'
import { LineSplitter } from './line-splitter.ts'
import { readLogLine, type LogLine } from './log-line.ts'
import type { Mask } from './secret-copies.ts'

export interface OutputLogOptions {
  readonly stream: 'stdout' | 'stderr'
  readonly log: Log
  readonly clock: Clock
  readonly deadlines: Deadlines
  /** The agent's token, not empty: an agent that prints its environment must not put it into the log. */
  readonly secret: string
  /** What else it must not put there. Default: nothing. */
  readonly masks?: readonly Mask[] | undefined
  readonly rate?: LineRate
  /** Lines below it are not logged, and not counted. Default: all are. */
  readonly level?: LogLevel | undefined
}

/** Longest part of a line that is logged. bytes */
export const MAX_LINE_BYTES = 8192

const DEFAULT_RATE: LineRate = { burst: 1000, perSecond: 100 }

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
    const { stream, log, level: least } = this.#options
    // Read before the rate only then: what nobody wants to see must not use up the room of what is wanted, and a flood must cost little.
    const early = least === undefined ? undefined : this.#read(bytes, cutBytes)
    if (early !== undefined && logLevels.indexOf(early.level) < logLevels.indexOf(least!)) return
    if (!this.#budget.take()) {
      if (!this.#report.isSet) this.#options.deadlines.set(this.#report, REPORT_MS)
      return
    }
    this.#reportSuppressed()
    const { level, fields, text } = early ?? this.#read(bytes, cutBytes)
    log[level]({ ...fields, stream, ...(cutBytes > 0 && { cutBytes }) }, text)
  }

  #read(bytes: Uint8Array, cutBytes: number): LogLine {
    const { stream, secret, masks = [] } = this.#options
    // With `stream` a character that was cut in two is left out; one that is not UTF-8 becomes U+FFFD.
    const printed = new TextDecoder().decode(bytes, { stream: cutBytes > 0 })
    const text = [{ text: secret, shown: '[token]' }, ...masks].reduce((left, mask) => left.replaceAll(mask.text, () => mask.shown), printed)
    return readLogLine(text, stream === 'stderr' ? 'warn' : 'info')
  }

  #reportSuppressed(): void {
    this.#options.deadlines.cancel(this.#report)
    const lines = this.#budget.takeSuppressed()
    if (lines > 0) this.#options.log.warn({ stream: this.#options.stream, suppressedLines: lines }, 'the agent writes more lines than are logged')
  }
}
