// Keeps a broker alive: starts it, and starts it again when it dies without having been asked. A process of its own, without the broker's modules.

import { setTimeout as delay } from 'node:timers/promises'
import { processStamp } from '../broker/ground/process-stamp.ts'
import { WatchedBroker } from './child.ts'
import { describeDeath, Judge, type Death } from './judge.ts'
import { removeRecord, writeRecord, type WatchdogRecord } from './record.ts'
import type { WatchdogSettings } from './settings.ts'
import { TICK_MS } from './silence.ts'

export interface WatchdogOptions extends Omit<WatchdogSettings, 'isJson'> {
  /** Told, once, what the first broker says to whoever started it in the background; undefined: nobody waits. */
  readonly report?: ((report: unknown) => void) | undefined
  /** Told what was done, and why. */
  readonly tell: (level: 'info' | 'warn' | 'error', text: string, details: object) => void
}

/** How it came to an end: with the broker's exit code, and where it gave up the reason. */
export interface WatchdogEnd {
  readonly code: number
  readonly gaveUp?: { readonly why: string; readonly how: string } | undefined
  /** The broker itself has said on stderr why it ends. */
  readonly isExplained?: boolean
}

const DEATHS_PERIOD_MS = 60_000
/** Time in which a process that was started must have said its first word, however short `hangMs` is. ms */
const FIRST_WORD_MS = 30_000
/** After these a broker that ends, in whatever way, is not started again. SIGHUP is not among them: it may read its configuration anew. */
const ENDING = ['SIGTERM', 'SIGINT', 'SIGUSR2'] as const

export class Watchdog {
  readonly #options: WatchdogOptions
  readonly #judge: Judge
  readonly #asked = new AbortController()
  #program: readonly string[]
  #broker: WatchedBroker | undefined
  #record: WatchdogRecord
  /** The one that was killed as it hangs; another one may have been about to take its place. */
  #killed: { readonly pid: number; readonly silentMs: number } | undefined

  constructor(options: WatchdogOptions) {
    this.#options = options
    this.#program = options.program
    this.#judge = new Judge(options.mostDeaths, DEATHS_PERIOD_MS)
    this.#record = { pid: process.pid, stamp: processStamp(process.pid) ?? '', since: Date.now(), restarts: 0 }
  }

  /** Starts the broker; resolves when it has ended in order, or is given up. Called once. */
  async run(): Promise<WatchdogEnd> {
    for (const signal of ENDING) process.on(signal, () => this.#pass(signal))
    process.on('SIGHUP', () => this.#broker?.signal('SIGHUP'))
    // Unheard it would open Node's debugger.
    process.on('SIGUSR1', () => {})
    const ticks = setInterval(() => this.#look(), TICK_MS)
    try {
      return await this.#keepAlive()
    } finally {
      clearInterval(ticks)
      removeRecord(this.#options.home)
    }
  }

  async #keepAlive(): Promise<WatchdogEnd> {
    for (;;) {
      const broker = this.#start()
      const end = await broker.ended
      this.#broker = undefined
      if (end.orderly !== undefined) return { code: end.orderly }
      if (this.#asked.signal.aborted) return { code: end.code ?? 1 }
      const death = { ...end, atMs: performance.now(), silentMs: this.#killed?.pid === broker.pid ? this.#killed.silentMs : undefined }
      const verdict = this.#judge.judge(death)
      if (!verdict.restart) return this.#giveUp(death, verdict.why)
      this.#died(broker.pid, death, verdict.afterMs)
      await delay(verdict.afterMs, undefined, { signal: this.#asked.signal }).catch(() => {})
      if (this.#asked.signal.aborted) return { code: 0 }
    }
  }

  #start(): WatchedBroker {
    const [command, ...before] = this.#program
    this.#killed = undefined
    const isFirst = this.#record.restarts === 0
    this.#broker = new WatchedBroker(command!, [...before, ...this.#options.words], isFirst && this.#options.report !== undefined, {
      serving: program => this.#serving(program),
      reported: report => this.#options.report?.(report),
    })
    return this.#broker
  }

  #serving(program: readonly string[]): void {
    // After an upgrade another program serves: it is the one to be started again.
    if (program.length > 0) this.#program = program
    writeRecord(this.#options.home, this.#record)
    this.#options.tell('info', this.#record.restarts === 0 ? 'watching the broker' : 'the broker serves again', { broker: this.#broker!.pid, restarts: this.#record.restarts })
  }

  #died(pid: number, death: Death, afterMs: number): void {
    const how = describeDeath(death)
    this.#record = { ...this.#record, restarts: this.#record.restarts + 1, last: { at: Date.now(), how } }
    writeRecord(this.#options.home, this.#record)
    this.#options.tell('warn', 'the broker died and is started again', { broker: pid, how, servedMs: death.servedMs === undefined ? undefined : Math.round(death.servedMs), afterMs })
  }

  #giveUp(death: Death, why: string): WatchdogEnd {
    const how = describeDeath(death)
    // With exit code 2 or 3, or before it ever served, it said what was wrong.
    const isExplained = death.servedMs === undefined && death.code !== undefined
    this.#options.tell('error', 'the broker is not started again', { how, why })
    return { code: death.code ?? 1, gaveUp: { why, how }, isExplained }
  }

  #pass(signal: (typeof ENDING)[number]): void {
    this.#asked.abort()
    this.#broker?.signal(signal)
  }

  #look(): void {
    const { hangMs, tell } = this.#options
    const broker = this.#broker
    if (broker === undefined) return
    const silentMs = broker.silence.tick(performance.now())
    if (hangMs === 0 || this.#killed?.pid === broker.pid || silentMs < (broker.hasSpoken ? hangMs : Math.max(hangMs, FIRST_WORD_MS))) return
    this.#killed = { pid: broker.pid, silentMs }
    tell('error', 'the broker hangs and is killed', { broker: broker.pid, silentMs: Math.round(silentMs) })
    broker.signal('SIGKILL')
  }
}
