// What a message needs before its way through the broker: its signature checked, its payload compressed or decompressed.
// Large ones are worked on by the pool's threads; what comes behind them on their connection waits in its turn. Stands
// between dialects and pipeline, and only where the configuration asks for one of the two.
//
//   dialect ─▶ [ nothing to do ] ──────────────────────────────────────────────▶ pipeline
//          └─▶ [ ingress queue: message at work, and all that follows it ] ────┘

import { BoundedIngressQueue } from './bounded-ingress-queue.ts'
import { Compression, type Need } from './compression.ts'
import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import type { ControlMessage, ForeignMessages, Ingress, OwnSubscription } from './ground/control.ts'
import { BrokerError } from './ground/errors.ts'
import type { IngressQueue, Work } from './ground/ingress-queue.ts'
import { Flag, Kind } from './ground/kind.ts'
import type { Compressed } from './ground/slice.ts'
import type { CpuPool } from './pool/cpu-pool.ts'
import { share } from './pool/work.ts'
import type { Publisher } from './publisher.ts'
import { checkSignature } from './vetting.ts'
import { Offset } from './wire/layout.ts'
import { withPayload } from './wire/recompress.ts'
import { signedParts } from './wire/signature.ts'

/** What came of it. */
export interface Prepared {
  /** The message is refused for this. */
  readonly problem: BrokerError | undefined
  readonly zstd: Compressed | undefined
}

/** What comes next. */
export interface NextStage extends Ingress<Connection> {
  message(connection: Connection, bytes: Uint8Array, start: number, end: number, timeMicros: number, isVerified?: boolean, prepared?: Prepared): void
}

/** Signatures from this size on join a batch when their message has to wait anyway. bytes */
const BATCHED_FROM_BYTES = 1024

export class Preparation implements Ingress<Connection> {
  readonly core: Core
  readonly next: NextStage
  /** undefined: compression is off. */
  readonly compression: Compression | undefined
  readonly #requiresSignature: boolean
  readonly #signatureFromBytes: number
  readonly #compressFromBytes: number

  constructor(core: Core, publisher: Publisher, next: NextStage) {
    const { ipc, pool } = core.settings
    this.core = core
    this.next = next
    this.#requiresSignature = ipc.security.validateSignature
    this.#signatureFromBytes = pool.signatureAboveBytes
    this.#compressFromBytes = pool.compressAboveBytes
    this.compression = ipc.performance.compressionEnabled ? new Compression(core, publisher) : undefined
  }

  run(connection: Connection, bytes: Uint8Array, start: number, end: number, count: number, firstId: number, subjectStart: number, subjectEnd: number, timeMicros: number, isReceipted: boolean): void {
    const queue = connection.ingressQueue
    if (queue === undefined) return this.next.run(connection, bytes, start, end, count, firstId, subjectStart, subjectEnd, timeMicros, isReceipted)
    const copy = copyOf(bytes, start, end)
    queue.add(copy.length, count, () => this.next.run(connection, copy, 0, copy.length, count, firstId, subjectStart - start, subjectEnd - start, timeMicros, isReceipted))
  }

  message(connection: Connection, bytes: Uint8Array, start: number, end: number, timeMicros: number, isVerified = false): void {
    const queue = connection.ingressQueue
    if (queue !== undefined) return this.#wait(queue, connection, bytes, start, end, timeMicros, isVerified)
    // JSON clients sign their lines, and their dialect has looked.
    if (isVerified && end - start >= this.#signatureFromBytes) this.core.pool.inlineTasks++
    if (connection.state !== 'ready' || !this.#concerns(bytes, start, end, isVerified)) return this.next.message(connection, bytes, start, end, timeMicros, isVerified)
    if (this.#isLong(connection, bytes, start, end, isVerified)) this.#wait((connection.ingressQueue = new BoundedIngressQueue(this.core, connection)), connection, bytes, start, end, timeMicros, isVerified)
    else this.#now(connection, bytes, start, end, timeMicros, isVerified)
  }

  // Of connections that never have anything to wait for.

  foreign(connection: Connection, messages: ForeignMessages): number {
    return this.next.foreign(connection, messages)
  }

  subscribe(connection: Connection, subscription: OwnSubscription): void {
    this.next.subscribe(connection, subscription)
  }

  unsubscribe(connection: Connection, number: number): void {
    this.next.unsubscribe(connection, number)
  }

  recount(connection: Connection, number: number): void {
    this.next.recount(connection, number)
  }

  control(connection: Connection, message: ControlMessage): void {
    const queue = connection.ingressQueue
    if (queue === undefined) return this.next.control(connection, message)
    queue.add(0, 0, () => this.next.control(connection, message))
  }

  refuse(connection: Connection, ref: number, error: BrokerError): void {
    const queue = connection.ingressQueue
    if (queue === undefined) return this.next.refuse(connection, ref, error)
    queue.add(0, 0, () => this.next.refuse(connection, ref, error))
  }

  /** Overtakes: nothing after it could be understood. */
  fail(connection: Connection, error: BrokerError): void {
    this.next.fail(connection, error)
  }

  /** True when the signature of such a message is checked by a thread although nothing else needs one. */
  isBatched(bytes: Uint8Array): boolean {
    return this.#requiresSignature && bytes.length >= BATCHED_FROM_BYTES
  }

  /** True when compressing or decompressing is work for a thread. */
  isLongWork({ kind, plainBytes }: Need): boolean {
    return kind !== 'nothing' && plainBytes >= this.#compressFromBytes
  }

  /**
   * Checks, compresses and decompresses on this thread what no other has.
   * @throws BrokerError why the message is refused
   */
  checkNow(connection: Connection, bytes: Uint8Array, start: number, end: number): void {
    if (!this.#requiresSignature) return
    if (end - start >= this.#signatureFromBytes) this.core.pool.inlineTasks++
    checkSignature(connection, bytes, start, end, (bytes[start + Offset.flags]! << 8) | bytes[start + Offset.flags + 1]!)
  }

  #concerns(bytes: Uint8Array, start: number, end: number, isVerified: boolean): boolean {
    const isCompressed = this.compression !== undefined && (bytes[start + Offset.flags + 1]! & Flag.compressed) !== 0
    const size = end - start
    return isCompressed || (this.compression !== undefined && size >= this.#compressFromBytes) || (this.#requiresSignature && size >= this.#signatureFromBytes && !isVerified)
  }

  #isLong(connection: Connection, bytes: Uint8Array, start: number, end: number, isVerified: boolean): boolean {
    // To read and write their JSON costs several times as much, and their dialect expects the answer at once.
    if (connection.dialect?.translate !== undefined || this.core.pool.isFull) return false
    if (this.#requiresSignature && !isVerified && end - start >= this.#signatureFromBytes) return true
    if (this.compression === undefined) return false
    try {
      const need = this.compression.need(connection, bytes, start, end)
      // A small payload that becomes a large one must not get past receivers that are behind.
      return this.isLongWork(need) || (need.kind === 'decompress' && connection.pauses > 0)
    } catch {
      return false
    }
  }

  #wait(queue: IngressQueue, connection: Connection, bytes: Uint8Array, start: number, end: number, timeMicros: number, isVerified: boolean): void {
    const message = new WaitingMessage(this, queue, connection, sharedOf(bytes, start, end), timeMicros, isVerified)
    queue.add(message.size, 1, () => message.takeTurn(), message)
  }

  #now(connection: Connection, bytes: Uint8Array, start: number, end: number, timeMicros: number, isVerified: boolean): void {
    let problem: BrokerError | undefined
    let zstd: Compressed | undefined
    try {
      if (!isVerified) this.checkNow(connection, bytes, start, end)
      if (this.compression !== undefined) {
        const { pool } = this.core
        const { kind, payloadAt, plainBytes } = this.compression.need(connection, bytes, start, end)
        if (kind === 'compress') zstd = smaller(pool.compressNow(bytes.subarray(payloadAt, end)), plainBytes)
        else if (kind === 'decompress') {
          const payload = copyOf(bytes, payloadAt, end)
          zstd = { payload, slice: undefined }
          bytes = withPayload(bytes, start, end, pool.decompressNow(payload, plainBytes), false)
          start = 0
          end = bytes.length
        }
      }
    } catch (error) {
      problem = BrokerError.from(error)
    }
    this.next.message(connection, bytes, start, end, timeMicros, true, { problem, zstd })
  }
}

/** A message in the queue: its own bytes, and what was found out about them. */
class WaitingMessage implements Work {
  readonly #stage: Preparation
  readonly #queue: IngressQueue
  readonly #connection: Connection
  /** As the sender sent it. */
  readonly #sent: Uint8Array<SharedArrayBuffer>
  readonly #timeMicros: number
  #isVerified: boolean
  /** With a plain payload where the sender's is compressed and somebody does not read that. */
  #bytes: Uint8Array
  #zstd: Compressed | undefined
  #problem: BrokerError | undefined
  #isDone = false

  constructor(stage: Preparation, queue: IngressQueue, connection: Connection, sent: Uint8Array<SharedArrayBuffer>, timeMicros: number, isVerified: boolean) {
    this.#stage = stage
    this.#queue = queue
    this.#connection = connection
    this.#sent = this.#bytes = sent
    this.#timeMicros = timeMicros
    this.#isVerified = isVerified
  }

  /** What it takes, and may come to take. bytes */
  get size(): number {
    return this.#sent.length + (this.#stage.compression?.announcedBytes(this.#sent) ?? 0)
  }

  get isDone(): boolean {
    return this.#isDone
  }

  begin(): void {
    this.#isDone = false
    void this.#prepare()
  }

  takeTurn(): 'again' | void {
    // Somebody who does not read compressed payloads may have come meanwhile.
    if (this.#problem === undefined && this.#need()?.kind === 'decompress') return 'again'
    this.#stage.next.message(this.#connection, this.#bytes, 0, this.#bytes.length, this.#timeMicros, this.#isVerified, { problem: this.#problem, zstd: this.#zstd })
  }

  async #prepare(): Promise<void> {
    try {
      await this.#verify()
      if (this.#queue.isDropped) return
      const need = this.#need()
      if (need !== undefined) await this.#work(need)
    } catch (error) {
      this.#problem = BrokerError.from(error)
    }
    this.#isDone = true
    this.#queue.advance()
  }

  async #verify(): Promise<void> {
    if (this.#isVerified) return
    const isSigned = (this.#sent[Offset.flags + 1]! & Flag.signed) !== 0
    const parts = isSigned && this.#stage.isBatched(this.#sent) ? signedParts(this.#sent, this.#sent[Offset.kind] === Kind.publish) : undefined
    if (parts === undefined) this.#stage.checkNow(this.#connection, this.#sent, 0, this.#sent.length)
    else {
      const ranges = parts.covered.flatMap((part) => [part.byteOffset, part.byteOffset + part.length])
      const isValid = await this.#pool.verify({ bytes: this.#sent, ranges, signatureAt: parts.signature.byteOffset, key: this.#connection.key! })
      if (!isValid) throw new BrokerError('auth.signature_invalid')
    }
    this.#isVerified = true
  }

  // What was decompressed, or compressed, needs nothing more.
  #need(): Need | undefined {
    return this.#zstd === undefined ? this.#stage.compression?.need(this.#connection, this.#sent, 0, this.#sent.length) : undefined
  }

  async #work(need: Need): Promise<void> {
    const { kind, payloadAt, plainBytes } = need
    if (kind === 'nothing') return
    const payload = this.#sent.subarray(payloadAt)
    if (kind === 'compress') this.#zstd = smaller(await this.#pool.compress(payload), plainBytes)
    else {
      const plain = this.#stage.isLongWork(need) ? await this.#pool.decompress(payload, plainBytes) : this.#pool.decompressNow(payload, plainBytes)
      this.#bytes = withPayload(this.#sent, 0, this.#sent.length, plain, false)
      this.#zstd = { payload, slice: undefined }
    }
  }

  get #pool(): CpuPool {
    return this.#stage.core.pool
  }
}

/** What did not become smaller stays plain. */
function smaller(payload: Uint8Array, plainBytes: number): Compressed | undefined {
  return payload.length < plainBytes ? { payload, slice: undefined } : undefined
}

// A frame that spanned chunks stands in shared memory of its own already (broker/wire/framer.ts).
function sharedOf(bytes: Uint8Array, start: number, end: number): Uint8Array<SharedArrayBuffer> {
  return bytes.buffer instanceof SharedArrayBuffer ? new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start) : share(bytes, start, end)
}

// Not `slice`: a Buffer's is a view, and the chunk is lent.
function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.subarray(start, end))
}
