// What a session must remember so that another connection can take it up: how much was received, and what was sent that
// the broker may not have taken. It decides when to confirm and when to ask; it does not write.
//
//   sent      1 2 3 │ 4 5 6 7           │ received   …… 250 251 252
//             taken   kept until an     │                 ▲ last confirmed by `ack`
//                     answer names them │

import { Kind, Offset } from '../broker/wire/layout.ts'
import type { Frame } from '../broker/wire/frame.ts'
import { readUint53 } from '../broker/wire/integers.ts'
import { deferred, type Deferred } from './deferred.ts'

/** What was received is confirmed after so many frames or bytes, or this long after the first of them. */
const ACK_FRAMES = 256
const ACK_BYTES = 64 * 1024
export const ACK_IDLE_MS = 50
/** After so much that no answer has confirmed, the broker is asked by a ping: its pong says that it got so far. */
const ASK_BYTES = 256 * 1024
const ASK_FRAMES = 4096
/** Senders that wait for `ready` wait above this; what does not wait is kept all the same. */
const HIGH_WATER_BYTES = 4 * 1024 * 1024
/** Frames of this kind are about the connection: they are not sent again on another. */
const OF_CONNECTION: ReadonlySet<number> = new Set([Kind.ack, Kind.ping, Kind.pong, Kind.goodbye, Kind.returned])
/** Frames of the broker whose `ref` is the id of a frame that it took. */
const ANSWERS: ReadonlySet<number> = new Set([Kind.response, Kind.part, Kind.error, Kind.ok, Kind.pong, Kind.receipt, Kind.end])

/** What the ledger wants said, after a frame came or went. */
export type LedgerWish = 'nothing' | 'ack' | 'ask'

export class Ledger {
  /** Highest id that was sent in the session. */
  lastId = 0
  #received = 0
  #acked = 0
  #unackedBytes = 0
  #sent: Uint8Array[] = []
  // Confirming moves a mark and the array is cut now and then: shift() on a long array moves all of it each time.
  #takenCount = 0
  #sentBytes = 0
  #unaskedBytes = 0
  #unaskedFrames = 0
  #full: Deferred<void> | undefined

  /** Frames of the session that came, whatever their kind, for `ack` and `resume`: answers that were on their way come again too. */
  get received(): number {
    return this.#received
  }

  /** Something came that was not confirmed. */
  get hasUnacked(): boolean {
    return this.#received > this.#acked
  }

  /** Bytes that were sent and may not have been taken. */
  get keptBytes(): number {
    return this.#sentBytes
  }

  /** Resolves when enough of what was sent has been taken; undefined: now. */
  get ready(): Promise<void> | undefined {
    return this.#full?.promise
  }

  /** A frame with this id leaves; its bytes are kept, and must not change. */
  sent(id: number, kind: number, bytes: Uint8Array): LedgerWish {
    this.lastId = id
    if (OF_CONNECTION.has(kind)) return 'nothing'
    this.#sent.push(bytes)
    this.#sentBytes += bytes.length
    this.#unaskedBytes += bytes.length
    if (this.#sentBytes > HIGH_WATER_BYTES) this.#full ??= deferred()
    if (this.#unaskedBytes < ASK_BYTES && ++this.#unaskedFrames < ASK_FRAMES) return 'nothing'
    this.#unaskedBytes = this.#unaskedFrames = 0
    return 'ask'
  }

  /** A frame of `bytes` bytes came, behind the welcome. */
  got({ kind, to, ref }: Frame, bytes: number): LedgerWish {
    if (ANSWERS.has(kind)) this.#taken(kind === Kind.receipt ? ref + to : ref)
    this.#received++
    this.#unackedBytes += bytes
    return this.#received - this.#acked >= ACK_FRAMES || this.#unackedBytes >= ACK_BYTES ? 'ack' : 'nothing'
  }

  /** All that came is confirmed now. */
  acked(): void {
    this.#acked = this.#received
    this.#unackedBytes = 0
  }

  /**
   * The broker goes on with the session and has taken what was sent up to `lastId`: what it has not, to be sent again. What
   * `isVoid` says of it means nothing any more, and is forgotten.
   */
  resume(lastId: number, isVoid?: (bytes: Uint8Array) => boolean): readonly Uint8Array[] {
    this.#taken(lastId)
    if (isVoid !== undefined) this.#forget(isVoid)
    this.#acked = this.#received
    this.#unackedBytes = 0
    this.lastId = Math.max(this.lastId, lastId)
    return this.#sent.slice(this.#takenCount)
  }

  /** The connection is gone: nobody waits for it any more. What was sent stays. */
  release(): void {
    this.#full?.resolve()
    this.#full = undefined
  }

  #forget(isVoid: (bytes: Uint8Array) => boolean): void {
    const left = this.#sent.slice(this.#takenCount).filter(bytes => !isVoid(bytes))
    this.#sent = left
    this.#takenCount = 0
    this.#sentBytes = left.reduce((sum, { length }) => sum + length, 0)
  }

  // The broker handles frames in order: whoever got one got all before it.
  #taken(id: number): void {
    let at = this.#takenCount
    for (let bytes = this.#sent[at]; bytes !== undefined && readUint53(bytes, Offset.id) <= id; bytes = this.#sent[++at]) this.#sentBytes -= bytes.length
    this.#takenCount = at
    if (at === this.#sent.length || at >= 1024) {
      this.#sent = this.#sent.slice(at)
      this.#takenCount = 0
    }
    if (this.#sentBytes <= HIGH_WATER_BYTES / 2) this.release()
  }
}
