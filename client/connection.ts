// One connection to the broker, from the first byte to the last: frames in and out, ids, ping and goodbye. It does not
// come back; the session opens the next one.

import { encode } from '@msgpack/msgpack'
import { BrokerError } from '../broker/ground/errors.ts'
import type { MemoryOffer } from '../broker/ground/shared-memory.ts'
import { decodeFrame, encodeFrame, writeFrameAt, writtenBytes, type Frame, type FrameInit } from '../broker/wire/frame.ts'
import { Framer } from '../broker/wire/framer.ts'
import { encodeHeaders } from '../broker/wire/headers.ts'
import { lentBytes } from '../broker/wire/lent.ts'
import { isCanonical } from '../broker/wire/canonical.ts'
import { Flag, Kind } from '../broker/wire/layout.ts'
import { errorOf } from './answer-error.ts'
import { compressed, decompressed } from './compression.ts'
import type { Handshake, Welcome } from './handshake.ts'
import type { Ledger, LedgerWish } from './ledger.ts'
import type { ClientLink, LinkHandler, Platform } from './link.ts'
import { Outbound } from './outbound.ts'
import { encodeSigned } from './signer.ts'
import { subjectBytes } from './subject-check.ts'

export interface ConnectionHandler {
  /** The handshake is complete; frames may be sent. */
  opened(connection: Connection): void
  /** The broker is about to go on in another process, or not after all. */
  moving(frame: Frame, connection: Connection): void
  /** Everything but ping, goodbye, what is told of a move, and the handshake. */
  received(frame: Frame, connection: Connection): void
  /** Called once and last. Before `opened`: the connection was refused. */
  closed(error: BrokerError, connection: Connection): void
}

/** Answers of the broker's own methods may exceed the limit for messages; this only stops nonsense lengths. */
const MAX_RECEIVED_FRAME_BYTES = 64 * 1024 * 1024

export class Connection implements LinkHandler {
  readonly #link: ClientLink
  readonly #platform: Platform
  readonly #handshake: Handshake
  readonly #handler: ConnectionHandler
  readonly #outbound: Outbound
  readonly #framer = new Framer(MAX_RECEIVED_FRAME_BYTES)
  readonly #key: Uint8Array
  /** false: publishes leave as they are, for senders that count their bytes as the broker does. */
  compressesPublishes = true
  #ledger: Ledger | undefined
  #lastId = 0
  #welcome: Welcome | undefined
  #reason: BrokerError | undefined
  #isOver = false
  #wasHeard = false
  #isPaused = false

  constructor(link: ClientLink, platform: Platform, handshake: Handshake, token: string | undefined, handler: ConnectionHandler) {
    this.#link = link
    this.#platform = platform
    this.#handshake = handshake
    this.#handler = handler
    this.#outbound = new Outbound(link, task => platform.defer(task))
    this.#key = new TextEncoder().encode(token ?? '')
    link.attach(this)
    this.send(handshake.hello())
    this.#outbound.flush()
  }

  /** @throws BrokerError `handshake.expected` before the handshake is complete */
  get welcome(): Welcome {
    if (this.#welcome === undefined) throw new BrokerError('handshake.expected', { expected: 'welcome', actual: 'nothing yet' })
    return this.#welcome
  }

  /** Resolves when more may be sent; see Outbound and Ledger. */
  get ready(): Promise<void> {
    const kept = this.#ledger?.ready
    return kept === undefined ? this.#outbound.ready : Promise.all([kept, this.#outbound.ready]).then(() => {})
  }

  /** Bytes came since this was last asked. */
  takeHeard(): boolean {
    const wasHeard = this.#wasHeard
    this.#wasHeard = false
    return wasHeard
  }

  get isOpen(): boolean {
    return this.#welcome !== undefined && !this.#isOver
  }

  /**
   * Sends a frame with the next id, which is returned. Ids count from 1 without a gap.
   * @throws BrokerError `frame.too_large` before anything is sent, `subject.invalid`, `connection.closed`
   */
  send(init: FrameInit): number {
    if (this.#isOver) throw new BrokerError('connection.closed')
    const limitBytes = this.#welcome?.limits.maxFrameBytes ?? MAX_RECEIVED_FRAME_BYTES
    const plainBytes = init.payload?.length ?? 0
    // Compressed it might pass, and then be refused for what it holds.
    if (plainBytes > limitBytes) throw new BrokerError('frame.too_large', { actualBytes: plainBytes, limitBytes })
    const id = this.#lastId + 1
    const frame = this.#compressed(init)
    const isSigned = init.kind < Kind.hello && this.#welcome?.signature === true
    const sent = isSigned ? this.#sendSigned({ ...frame, id }, limitBytes) : this.#write(frame, id, limitBytes)
    this.#lastId = id
    if (sent !== undefined) this.#grant(this.#ledger!.sent(id, init.kind, sent))
    return id
  }

  /** The bytes of a message as the broker wants it, also for one that travels within another frame: signed where it asks for that. */
  enclosed(message: FrameInit): Uint8Array {
    return this.#welcome?.signature === true ? encodeSigned(message, this.#key, this.#platform.hmac) : encodeFrame(message)
  }

  /**
   * The connection has opened; called once. For a session that goes on, `again` is sent again under the ids that it has, and
   * ids continue behind `lastId`, which was the last of it. From now on `ledger` knows what comes and goes.
   */
  goOn(again: readonly Uint8Array[], lastId: number, ledger: Ledger | undefined): void {
    for (const bytes of again) this.#outbound.push(bytes)
    // Of this connection's handshake; a session that goes on is far behind them.
    this.#lastId = Math.max(this.#lastId, lastId)
    this.#ledger = ledger
  }

  /** From now on, or from now on not, what leaves is kept and what comes is counted, for another connection. */
  keepFromHere(ledger: Ledger | undefined): void {
    this.#ledger?.release()
    this.#ledger = ledger
    // Which frame was the last before is all that the ledger must know of them.
    if (ledger !== undefined) ledger.lastId = this.#lastId
  }

  /** Confirms what came, be it nothing. */
  confirm(): void {
    this.#ledger?.acked()
    this.send({ kind: Kind.ack, payload: encode({ received: this.#ledger?.received ?? 0 }) })
  }

  /** Confirms what came, when there is something to confirm. */
  ack(): void {
    if (this.#ledger?.hasUnacked === true && !this.#isOver) this.confirm()
  }

  /** It is not read. */
  get isPaused(): boolean {
    return this.#isPaused
  }

  pause(): void {
    this.#isPaused = true
    this.#link.pause()
  }

  resume(): void {
    this.#isPaused = false
    this.#link.resume()
  }

  /** Bytes that were sent and have not left. */
  get unsentBytes(): number {
    return this.#link.unsentBytes
  }

  /** Says goodbye and ends in order: what was sent still leaves. */
  close(): void {
    if (this.#isOver) return
    this.send({ kind: Kind.goodbye })
    this.#outbound.flush()
    this.#end(new BrokerError('connection.closed'))
    this.#link.close()
  }

  /** Ends now, and tries to say that nobody comes back for the session. */
  leave(reason: BrokerError): void {
    if (this.isOpen) {
      this.send({ kind: Kind.goodbye })
      this.#outbound.flush()
    }
    this.destroy(reason)
  }

  /** Ends now, for the reason given. */
  destroy(reason: BrokerError): void {
    this.#end(reason)
    this.#link.destroy()
  }

  received(chunk: Uint8Array): void {
    if (this.#isOver) return
    this.#wasHeard = true
    try {
      this.#framer.push(chunk, { frame: (bytes, start, end) => this.#frame(bytes, start, end) })
    } catch (error) {
      this.destroy(BrokerError.from(error))
    }
  }

  drained(): void {
    this.#outbound.release()
  }

  closed(problem: Error | undefined): void {
    this.#isOver = true
    this.#outbound.memory?.close()
    this.#outbound.memory = undefined
    this.#outbound.release()
    this.#ledger?.release()
    this.#reason ??= problem instanceof BrokerError ? problem : new BrokerError('connection.lost', { problem: problem?.message ?? 'the broker closed it' }, { cause: problem })
    this.#handler.closed(this.#reason, this)
  }

  #frame(bytes: Uint8Array, start: number, end: number): void {
    if (this.#isOver) return
    if (!isCanonical(bytes, start, end)) throw new BrokerError('frame.malformed', { problem: 'the broker sent a frame that is not canonical' })
    const frame = decodeFrame(bytes, start, end)
    if (this.#welcome === undefined) return this.#shakeHands(frame)
    if (frame.kind === Kind.lent) return this.#readLent(frame)
    // Those two are about the connection: the broker counts them no more than this side does.
    const isCounted = frame.kind !== Kind.moving && frame.kind !== Kind.goodbye
    if (isCounted && this.#ledger !== undefined) this.#grant(this.#ledger.got(frame, end - start))
    if (frame.kind === Kind.moving) this.#handler.moving(frame, this)
    else if (frame.kind === Kind.returned) this.#outbound.memory?.returned(frame.ref)
    else if (frame.kind === Kind.ping) this.send({ kind: Kind.pong, ref: frame.id })
    else if (frame.kind === Kind.goodbye) {
      this.#end(errorOf(frame))
      this.#link.close()
    } else this.#handler.received(this.#plain(frame), this)
  }

  // In the place of the frame, as if it had come by the link. What cannot be had leaves a hole: that ends the connection.
  #readLent(frame: Frame): void {
    const { memory } = this.#outbound
    if (memory === undefined) throw new BrokerError('frame.unsupported', { feature: 'shared memory on this connection' })
    const content = memory.take(frame.ref, lentBytes(frame))
    this.#returned(frame.ref)
    const inner = new Framer(MAX_RECEIVED_FRAME_BYTES)
    inner.push(content, { frame: (bytes, start, end) => this.#frame(bytes, start, end) })
    if (inner.pendingBytes > 0) throw new BrokerError('frame.malformed', { problem: 'a segment of shared memory ends in the middle of a frame' })
  }

  // The broker lends from the moment on in which it knows that it is understood.
  #share(offer: MemoryOffer): void {
    const memory = this.#link.share?.(offer, MAX_RECEIVED_FRAME_BYTES)
    this.#outbound.memory = memory
    if (memory !== undefined) this.#returned(0)
  }

  // Without an id: it is about this link, and no session goes on with it.
  #returned(number: number): void {
    if (!this.#isOver) this.#outbound.push(encodeFrame({ kind: Kind.returned, ref: number }))
  }

  // Where it leaves from, without bytes of its own. Gives them to the ledger, where there is one.
  #write(frame: FrameInit, id: number, limitBytes: number): Uint8Array | undefined {
    const subject = subjectBytes(frame.subject)
    const headers = frame.headers === undefined ? undefined : encodeHeaders(frame.headers)
    const size = writtenBytes(frame, subject, headers)
    if (size > limitBytes) throw new BrokerError('frame.too_large', { actualBytes: size, limitBytes })
    const outbound = this.#outbound
    const at = outbound.claim(size)
    const { slab } = outbound
    writeFrameAt(slab, at, frame, id, subject, headers)
    outbound.fill(size)
    return this.#ledger === undefined ? undefined : slab.subarray(at, at + size)
  }

  #sendSigned(frame: FrameInit, limitBytes: number): Uint8Array | undefined {
    const bytes = this.enclosed(frame)
    if (bytes.length > limitBytes) throw new BrokerError('frame.too_large', { actualBytes: bytes.length, limitBytes })
    this.#outbound.push(bytes)
    return this.#ledger === undefined ? undefined : bytes
  }

  #compressed(frame: FrameInit): FrameInit {
    const { zstd } = this.#platform
    const compression = this.#welcome?.compression
    const isPlain = frame.kind === Kind.publish && !this.compressesPublishes
    return isPlain || zstd === undefined || compression?.name !== 'zstd' ? frame : compressed(frame, compression.aboveBytes, zstd)
  }

  #plain(frame: Frame): Frame {
    const { zstd } = this.#platform
    return zstd === undefined || (frame.flags & Flag.compressed) === 0 ? frame : decompressed(frame, zstd)
  }

  #grant(wish: LedgerWish): void {
    if (wish === 'ack') this.ack()
    else if (wish === 'ask') this.send({ kind: Kind.ping })
  }

  #shakeHands(frame: Frame): void {
    const next = this.#handshake.receive(frame)
    if ('kind' in next) {
      this.send(next)
      this.#outbound.flush()
    } else {
      this.#welcome = next
      this.#handler.opened(this)
      if (next.sharedMemory !== undefined && !this.#isOver) this.#share(next.sharedMemory)
    }
  }

  // The first reason is the true one; what follows from it (a reset, an end) says less.
  #end(reason: BrokerError): void {
    this.#isOver = true
    this.#reason ??= reason
  }
}
