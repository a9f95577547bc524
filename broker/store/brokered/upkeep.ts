// What happens to messages that nobody asks for: those whose time is over expire, and a queue that is over its limits drops its oldest.

import type { DeathReason } from '../../ground/store.ts'
import type { Kept } from './foreign-queue.ts'
import type { Endings } from './endings.ts'
import { isBusy } from './hand.ts'
import { Times } from './times.ts'
import { expiryMs, wallMs, type Workplace } from './workplace.ts'

/** Messages that are read at a time. */
const PAGE = 200
/** After an error. ms */
const RETRY_MS = 1000

export class Upkeep {
  readonly #at: Workplace
  readonly #endings: Endings
  readonly #onDone: () => void
  /** Of messages that were put here. */
  readonly #times = new Times()
  /** When the oldest may have waited too long; Infinity: there is no retention, or nothing to look at. */
  #lookAtMs = Infinity
  /** Messages and bytes that wait, as far as is known here; undefined: nothing is. */
  #known: { messages: number; bytes: number } | undefined
  #puts = 0
  #putBytes = 0
  /** When to make room anew, after that failed; Infinity: it did not. */
  #roomAtMs = Infinity
  #running: Promise<void> | undefined
  #next: (() => Promise<void>) | undefined
  #isStopped = false

  /** @param onDone it may be wanted again at `nextMs` */
  constructor(at: Workplace, endings: Endings, onDone: () => void) {
    this.#at = at
    this.#endings = endings
    this.#onDone = onDone
  }

  /** When `work` has something to do. Milliseconds since the epoch */
  get nextMs(): number {
    return this.#running === undefined ? Math.min(this.#times.nextMs, this.#lookAtMs, this.#roomAtMs) : Infinity
  }

  /** Looks at what is there already, when the queue is opened and when other settings hold. */
  begin(): void {
    this.#lookAtMs = this.#at.settings.retentionMs > 0 ? 0 : Infinity
  }

  put(position: number, bytes: number, expiresAtMs: number): void {
    const { retentionMs, whenFull } = this.#at.settings
    if (expiresAtMs > 0) this.#times.add(expiresAtMs, position)
    if (retentionMs > 0) this.#lookAtMs = Math.min(this.#lookAtMs, wallMs(this.#at) + retentionMs)
    this.#puts++
    this.#putBytes += bytes
    if (this.#known !== undefined) {
      this.#known.messages++
      this.#known.bytes += bytes
    }
    if (whenFull === 'drop-oldest') void this.#exclusively(() => this.#makeRoom())
  }

  /** Called when `nextMs` has come. */
  work(): Promise<void> {
    return this.#exclusively(async () => {
      const now = wallMs(this.#at)
      await this.#expireAll(this.#times.due(now))
      if (this.#lookAtMs <= now) await this.#sweep()
      if (this.#roomAtMs <= now) await this.#makeRoom()
    })
  }

  /** Nothing more is begun; resolves when what had begun is over, so that no message is left half the way. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#next = undefined
    await this.#running
  }

  async #expireAll(positions: readonly number[]): Promise<void> {
    let done = 0
    try {
      for (; done < positions.length && !this.#isStopped; done++) await this.#expire(positions[done]!)
    } finally {
      // The store could not be reached.
      for (const position of positions.slice(done)) this.#times.add(wallMs(this.#at) + RETRY_MS, position)
    }
  }

  async #expire(position: number): Promise<void> {
    const { hand, foreign } = this.#at
    const here = hand.get(position)
    // What is on lease has its end decided when its lease is over.
    if (here !== undefined) {
      if (isBusy(here) || !this.#endings.isOver(here.arrival)) return
      hand.end(here)
      return this.#endings.buryUndelivered(here, 'expired')
    }
    const [kept] = await foreign.read(position - 1, 1)
    if (kept?.position === position && this.#endings.isOver(kept)) await this.#endings.buryElsewhere(kept, 'expired')
  }

  // From the oldest on, until one has not waited too long.
  async #sweep(): Promise<void> {
    const { settings, foreign } = this.#at
    this.#lookAtMs = Infinity
    if (settings.retentionMs === 0) return
    let after = 0
    for (;;) {
      const page = await foreign.read(after, PAGE)
      if (page.length === 0) return
      for (const kept of page) {
        if (this.#isStopped) return
        const overMs = expiryMs({ expiresAtMs: 0, storedAtMs: kept.storedAtMs }, settings)
        if (overMs > wallMs(this.#at)) {
          this.#lookAtMs = Math.min(this.#lookAtMs, overMs)
          return
        }
        await this.#expire(kept.position)
      }
      after = page.at(-1)!.position
    }
  }

  async #makeRoom(): Promise<void> {
    const { settings: { maxMessages, maxBytes, whenFull }, foreign } = this.#at
    const isOver = ({ messages, bytes }: { messages: number; bytes: number }): boolean => (maxMessages > 0 && messages > maxMessages) || (maxBytes > 0 && bytes > maxBytes)
    this.#roomAtMs = Infinity
    if (whenFull !== 'drop-oldest' || (this.#known !== undefined && !isOver(this.#known))) return
    const [puts, putBytes] = [this.#puts, this.#putBytes]
    this.#known = undefined
    const { messages, bytes } = await foreign.state()
    const left = { messages, bytes }
    for (let after = 0; isOver(left); ) {
      const page = await foreign.read(after, PAGE)
      if (page.length === 0) break
      for (const kept of page) {
        if (!isOver(left) || this.#isStopped) break
        if (!(await this.#drop(kept, 'overflow'))) continue
        left.messages--
        left.bytes -= kept.frame.length
      }
      if (this.#isStopped) return
      after = page.at(-1)!.position
    }
    // What was put meanwhile may be among them or not: rather too many, then the store is asked again.
    this.#known = isOver(left) ? undefined : { messages: left.messages + this.#puts - puts, bytes: left.bytes + this.#putBytes - putBytes }
  }

  async #drop(kept: Kept, reason: DeathReason): Promise<boolean> {
    const { hand } = this.#at
    const here = hand.get(kept.position)
    if (here === undefined) return this.#endings.buryElsewhere(kept, reason)
    if (isBusy(here)) return false
    hand.end(here)
    await this.#endings.buryUndelivered(here, reason)
    return true
  }

  // One at a time; what is asked for meanwhile is done after it.
  #exclusively(work: () => Promise<void>): Promise<void> {
    if (this.#isStopped) return Promise.resolve()
    this.#next = work
    return (this.#running ??= this.#run())
  }

  async #run(): Promise<void> {
    try {
      while (this.#next !== undefined) {
        const next: () => Promise<void> = this.#next
        this.#next = undefined
        await next()
      }
    } catch {
      // The store cannot be reached, and says so itself.
      const { retentionMs, whenFull } = this.#at.settings
      const againMs = wallMs(this.#at) + RETRY_MS
      if (retentionMs > 0) this.#lookAtMs = Math.min(this.#lookAtMs, againMs)
      if (whenFull === 'drop-oldest') this.#roomAtMs = againMs
    } finally {
      this.#running = undefined
      this.#onDone()
    }
  }
}
