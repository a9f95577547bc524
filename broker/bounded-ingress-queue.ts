// What one connection sent behind a message that a thread works on: it waits, so that order holds. Knows no frame.
//
//   [message, at work][control][run][message, at work][message, not begun] ◀─ what is read
//   └─ head: goes on when its work is done             └─ begun when there is room
//
// Bounded: above 4 MiB or 1024 entries the connection is not read. What takes more memory than it came with (compressed
// payloads) counts with that.

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import { BrokerError } from './ground/errors.ts'
import type { IngressQueue, Work } from './ground/ingress-queue.ts'

interface Entry {
  /** What it holds. bytes */
  readonly size: number
  /** Messages in it, for the account should it be dropped. */
  readonly messages: number
  readonly work: Work | undefined
  /** Its turn has come. 'again': it has more work to wait for. */
  readonly run: () => 'again' | void
}

const MAX_BYTES = 4 * 1024 * 1024
const MAX_ENTRIES = 1024

export class BoundedIngressQueue implements IngressQueue {
  readonly #core: Core
  readonly #connection: Connection
  readonly #entries: Entry[] = []
  /** Of all entries. */
  #bytes = 0
  /** Of those that are at work or wait with their result. */
  #begunBytes = 0
  /** Entries before this have begun, or have nothing to begin. */
  #begun = 0
  #isPaused = false
  #isAdvancing = false
  #isDropped = false

  constructor(core: Core, connection: Connection) {
    this.#core = core
    this.#connection = connection
  }

  get isDropped(): boolean {
    return this.#isDropped
  }

  add(size: number, messages: number, run: () => 'again' | void, work?: Work): void {
    if (this.#isDropped) return
    this.#entries.push({ size, messages, work, run })
    this.#bytes += size
    if (!this.#isPaused && (this.#bytes > MAX_BYTES || this.#entries.length > MAX_ENTRIES)) {
      this.#isPaused = true
      this.#connection.pause()
    }
    this.#begin()
  }

  resumed(): void {
    // Not at once: whoever resumes several is in the middle of it.
    queueMicrotask(() => this.advance())
  }

  drop(): void {
    if (this.#isDropped) return
    this.#isDropped = true
    let messages = 0
    for (const entry of this.#entries) messages += entry.messages
    this.#entries.length = 0
    this.#core.accounts.outside.rejected += messages
    this.#connection.rejectedMessages += messages
    this.#leave()
  }

  advance(): void {
    if (this.#isAdvancing || this.#isDropped) return
    this.#isAdvancing = true
    for (let head = this.#entries[0]; head !== undefined && head.work?.isDone !== false; head = this.#entries[0]) {
      if (this.#connection.isEnding || this.#isHeldBack) break
      this.#runHead(head)
    }
    this.#isAdvancing = false
    if (this.#connection.isEnding) return this.drop()
    if (this.#entries.length === 0) return this.#leave()
    if (this.#isPaused && this.#bytes <= MAX_BYTES / 2 && this.#entries.length <= MAX_ENTRIES / 2) this.#resume()
    this.#begin()
  }

  // Those whom it feeds are behind: what is here is passed on when it could be read again.
  get #isHeldBack(): boolean {
    return this.#connection.pauses > (this.#isPaused ? 1 : 0)
  }

  #runHead(entry: Entry): void {
    try {
      if (entry.run() === 'again') {
        entry.work!.begin()
        return
      }
    } catch (error) {
      this.#core.end(this.#connection, BrokerError.from(error))
    }
    // The end of the connection, caused by the entry itself, may have emptied the list.
    if (this.#entries.shift() === undefined) return
    this.#begun--
    this.#bytes -= entry.size
    if (entry.work !== undefined) this.#begunBytes -= entry.size
  }

  // In order, and the head always: results wait here for their turn, and a few bytes can become many.
  #begin(): void {
    for (; this.#begun < this.#entries.length; this.#begun++) {
      const entry = this.#entries[this.#begun]!
      if (entry.work === undefined) continue
      if (this.#begunBytes + entry.size > MAX_BYTES && this.#begun > 0) return
      this.#begunBytes += entry.size
      entry.work.begin()
    }
  }

  #leave(): void {
    this.#isDropped = true
    this.#connection.ingressQueue = undefined
    if (this.#isPaused) this.#resume()
  }

  #resume(): void {
    this.#isPaused = false
    this.#connection.resume()
  }
}
