// The link of the bus connection: takes native frames, publishes them on P, and says that they are gone when the server has
// confirmed them. It outlives connections to servers; while there is none, nothing is written to it.
//
//   write(pieces) ─▶ [ Q knows its groups ] ─▶ PUB … PUB PING ─▶ P ─▶ PONG ─▶ [ PING, PONG on Q ] ─▶ written(): forwarded

import type { BrokerError } from '../../ground/errors.ts'
import type { Link, LinkHandler, Peer } from '../../ground/types.ts'
import type { Interest } from './interest.ts'
import type { NatsClient } from './nats-client.ts'
import type { Outgoing } from './outgoing.ts'
import { WriteWindow } from './write-window.ts'

/** For so long a slow receiver here may hold up what comes from beyond; longer, and the servers would give this broker up. ms */
const MAX_PAUSE_MS = 250

export class BusLink implements Link {
  readonly framing = 'stream'
  readonly wrap = undefined
  readonly #outgoing: Outgoing
  readonly #interest: Interest
  readonly #onWindow: (bytes: number) => void
  readonly #onClosed: (reason: BrokerError | undefined) => void
  #handler!: LinkHandler
  #p: NatsClient | undefined
  #q: NatsClient | undefined
  #pauseTimer: NodeJS.Timeout | undefined
  #isClosed = false
  #window = new WriteWindow()
  #isBusy = false
  /** Called when nothing is on its way any more; from then on nothing is sent. */
  #onIdle: (() => void) | undefined
  /** What was written last has not been sent, and may be again. */
  isParked = false

  constructor(outgoing: Outgoing, interest: Interest, onWindow: (bytes: number) => void, onClosed: (reason: BrokerError | undefined) => void) {
    this.#onWindow = onWindow
    this.#outgoing = outgoing
    this.#interest = interest
    this.#onClosed = onClosed
  }

  get peer(): Peer {
    return { address: this.#p === undefined ? 'nats' : `nats://${this.#p.server.text}`, pid: undefined, uid: undefined, network: 'remote' }
  }

  /** True while nothing is read for the sake of a slow receiver. */
  get isPaused(): boolean {
    return this.#pauseTimer !== undefined
  }

  /** What comes is written there from now on; undefined: the connections are gone, and what was not confirmed never will be. */
  use(p: NatsClient | undefined, q: NatsClient | undefined): void {
    this.#p = p
    this.#q = q
    this.#isBusy = this.isParked = false
    this.#onIdle = undefined
    this.#window = new WriteWindow()
    this.#onWindow(this.#window.bytes)
    this.#endPause()
  }

  attach(handler: LinkHandler): void {
    this.#handler = handler
  }

  admitted(): void {}

  write(pieces: readonly Uint8Array[]): boolean {
    const p = this.#p
    if (this.#onIdle !== undefined) {
      this.isParked = true
      return false
    }
    this.#isBusy = true
    // Confirmations come later, and so does what is written of it: the pieces may share a buffer that is used again.
    if (p !== undefined) this.#interest.whenGroupsKnown(() => this.#write(p, pieces))
    return false
  }

  pause(): void {
    if (this.#pauseTimer !== undefined) return
    this.#p?.pause()
    this.#q?.pause()
    this.#pauseTimer = setTimeout(() => this.#endPause(), MAX_PAUSE_MS)
  }

  resume(): void {
    this.#endPause()
  }

  close(reason?: BrokerError): void {
    this.#close(reason)
  }

  destroy(): void {
    this.#close(undefined)
  }

  #write(p: NatsClient, pieces: readonly Uint8Array[]): void {
    if (p !== this.#p) return
    const lines: Uint8Array[] = []
    for (const piece of pieces) this.#outgoing.write(piece, lines, p.info)
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0)
    const sentMs = performance.now()
    p.write(lines)
    p.ping(() => {
      if (p === this.#p && this.#window.confirmed(bytes, performance.now() - sentMs)) this.#onWindow(this.#window.bytes)
      this.#pastP(p)
    })
  }

  // What fell to a group's member here is on its way on Q then, and here when Q has answered too.
  #pastP(p: NatsClient): void {
    const q = this.#q
    if (p !== this.#p || q === undefined) return
    if (!this.#interest.hasGroups) this.#confirmed(p)
    else q.ping(() => this.#confirmed(p))
  }

  #confirmed(p: NatsClient): void {
    if (p !== this.#p) return
    this.#isBusy = false
    this.#handler.written()
    this.#onIdle?.()
  }

  /** Sends nothing more, and calls back when all that was sent is confirmed. */
  finish(idle: () => void): void {
    this.#onIdle = idle
    if (!this.#isBusy) idle()
  }

  #endPause(): void {
    if (this.#pauseTimer === undefined) return
    clearTimeout(this.#pauseTimer)
    this.#pauseTimer = undefined
    this.#p?.resume()
    this.#q?.resume()
  }

  #close(reason: BrokerError | undefined): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#endPause()
    this.#onClosed(reason)
    queueMicrotask(() => this.#handler.closed(undefined))
  }
}
