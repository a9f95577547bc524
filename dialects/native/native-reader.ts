// Reads native frames and gathers consecutive plain publishes into runs. One reader serves all connections, as a chunk
// is read in one go: what must outlast the chunk stands in the connection's framer.
//
//   chunk   [P a 1][P a 2][P a 3][P b 4][subscribe][P b 5]
//   out     └───── run of 3 ────┘└ run ┘ control    └ run ┘          those that ask for a receipt are in runs of their own

import { decode } from '@msgpack/msgpack'
import type { Ingress } from '../../broker/ground/control.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import { isWholeMsgpack } from '../../broker/ground/msgpack-shape.ts'
import { isCanonical, rewrite } from '../../broker/wire/canonical.ts'
import { decodeFrame, type Frame } from '../../broker/wire/frame.ts'
import { Framer, type FrameSink } from '../../broker/wire/framer.ts'
import { Flag, Kind, Marker, Offset } from '../../broker/wire/layout.ts'
import { lentBytes } from '../../broker/wire/lent.ts'

const NOTHING = new Uint8Array(0)
const HIGH_WORD_LIMIT = 0x1fffff

/** What the reader must know of a connection. */
export interface NativeSource {
  readonly number: number
  /** True after the welcome: before it there are only control frames. */
  readonly isReady: boolean
  /**
   * What stands in a segment of memory that its client shares: whole frames, `bytes` in all.
   * @throws BrokerError `memory.unreadable`, `frame.unsupported` where none is shared
   */
  takeLent(number: number, bytes: number): Uint8Array
}

export class NativeReader<C extends NativeSource> implements FrameSink {
  readonly #ingress: Ingress<C>
  readonly #wallMicros: () => number
  readonly #onRead: (chunk: Uint8Array) => void
  readonly #maxRunFrameBytes: number
  #connection!: C
  #framer!: Framer
  /** What is read stands in a segment itself. */
  #isLent = false
  #timeMicros = 0
  #timeHigh = 0
  #timeLow = 0
  #chunk: Uint8Array = NOTHING
  /** The frame that began in an earlier chunk, in bytes of its own; at most one in each chunk. */
  #spanning: Uint8Array = NOTHING
  #viewed: Uint8Array = NOTHING
  #view: DataView = new DataView(NOTHING.buffer)
  // The open run; none while #count is 0.
  #bytes: Uint8Array = NOTHING
  #start = 0
  #end = 0
  #count = 0
  #firstId = 0
  #nextId = 0
  /** PLAIN_WORD or RECEIPT_WORD. */
  #flags = 0
  #subjectStart = 0
  #subjectEnd = 0

  /** Frames from this size on that span chunks come in memory that threads can share. */
  readonly sharedFromBytes: number

  /** `onRead` gets each chunk, and what spanned into it, when all of it is handed over; a frame above `maxRunFrameBytes` is no part of a run: whether its payload is too large is looked at on its own. */
  constructor(ingress: Ingress<C>, wallMicros: () => number, onRead: (chunk: Uint8Array) => void, maxRunFrameBytes = Infinity, sharedFromBytes = Infinity) {
    this.sharedFromBytes = sharedFromBytes
    this.#maxRunFrameBytes = maxRunFrameBytes
    this.#onRead = onRead
    this.#ingress = ingress
    this.#wallMicros = wallMicros
  }

  /** Takes a chunk of `connection` apart and hands all that is whole to the ingress, in order of arrival. */
  read(connection: C, framer: Framer, chunk: Uint8Array): void {
    this.#connection = connection
    this.#framer = framer
    this.#chunk = chunk
    this.#timeMicros = this.#wallMicros()
    this.#timeHigh = Math.floor(this.#timeMicros / 2 ** 32)
    this.#timeLow = this.#timeMicros >>> 0
    try {
      framer.push(chunk, this)
      this.#closeRun()
    } catch (error) {
      this.#closeRun()
      this.#ingress.fail(connection, BrokerError.from(error))
    }
    this.#bytes = this.#viewed = NOTHING
    this.#onRead(chunk)
    if (this.#spanning !== NOTHING) this.#onRead(this.#spanning)
    this.#chunk = this.#spanning = NOTHING
  }

  frame(bytes: Uint8Array, start: number, end: number): void {
    // One view per chunk: reads of 4 bytes at a time make the scan 2.5 times as fast as reads byte by byte.
    const view = bytes === this.#viewed ? this.#view : this.#look(bytes)
    if (bytes !== this.#chunk) this.#spanning = bytes
    const subjectStart = start + Offset.subject
    const subjectEnd = subjectStart + bytes[subjectStart - 1]!
    const flags = plainFlags(view, start, end, subjectEnd)
    if (flags === NOT_PLAIN || end - start > this.#maxRunFrameBytes || !this.#connection.isReady) {
      this.#closeRun()
      this.#other(bytes, start, end)
      return
    }
    const id = view.getUint32(start + Offset.id) * 2 ** 32 + view.getUint32(start + Offset.id + 4)
    // Stamped in place: only bytes that this reader owns and has not delivered yet are written to.
    view.setUint32(start + Offset.origin, this.#connection.number)
    view.setUint32(start + Offset.time, this.#timeHigh)
    view.setUint32(start + Offset.time + 4, this.#timeLow)
    if (this.#count > 0) {
      if (id === this.#nextId && flags === this.#flags && start === this.#end && bytes === this.#bytes && this.#isRunSubject(view, subjectStart, subjectEnd)) {
        this.#count++
        this.#end = end
        this.#nextId = id + 1
        return
      }
      this.#closeRun()
    }
    this.#bytes = bytes
    this.#start = start
    this.#end = end
    this.#count = 1
    this.#firstId = id
    this.#flags = flags
    this.#nextId = id + 1
    this.#subjectStart = subjectStart
    this.#subjectEnd = subjectEnd
  }

  #look(bytes: Uint8Array): DataView {
    this.#viewed = bytes
    return (this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  }

  #isRunSubject(view: DataView, start: number, end: number): boolean {
    const back = start - this.#subjectStart
    if (end - back !== this.#subjectEnd) return false
    // From the end: subjects that share a connection differ there.
    let at = end
    for (; at - 4 >= start; at -= 4) if (view.getInt32(at - 4) !== view.getInt32(at - 4 - back)) return false
    for (; at > start; at--) if (view.getUint8(at - 1) !== view.getUint8(at - 1 - back)) return false
    return true
  }

  #closeRun(): void {
    const count = this.#count
    if (count === 0) return
    this.#count = 0
    this.#ingress.run(this.#connection, this.#bytes, this.#start, this.#end, count, this.#firstId, this.#subjectStart, this.#subjectEnd, this.#timeMicros, this.#flags === RECEIPT_WORD)
  }

  #other(bytes: Uint8Array, start: number, end: number): void {
    let lent: Frame | undefined
    try {
      if (!isCanonical(bytes, start, end)) {
        bytes = rewrite(bytes, start, end)
        start = 0
        end = bytes.length
      }
      if (bytes[start + Offset.kind]! < Kind.hello) return this.#ingress.message(this.#connection, bytes, start, end, this.#timeMicros)
      const frame = decodeFrame(bytes, start, end)
      const { kind, id, ref, payload } = frame
      if (kind === Kind.lent && this.#connection.isReady) lent = frame
      else this.#ingress.control(this.#connection, { kind, id, ref, body: payload.length === 0 ? undefined : decodeBody(payload) })
    } catch (error) {
      this.#ingress.refuse(this.#connection, 0, BrokerError.from(error))
    }
    if (lent !== undefined) this.#readLent(lent)
  }

  // In the place of the frame, as if it had come in a chunk of its own. What cannot be had leaves a hole: that ends the connection.
  #readLent(frame: Frame): void {
    if (this.#isLent) throw new BrokerError('frame.malformed', { problem: 'a segment of shared memory names another one' })
    const [connection, outer, chunk, spanning] = [this.#connection, this.#framer, this.#chunk, this.#spanning]
    const content = connection.takeLent(frame.ref, lentBytes(frame))
    const inner = new Framer(outer.maxFrameBytes)
    this.#isLent = true
    // Given back once, when the outer chunk is read.
    this.#spanning = NOTHING
    try {
      this.read(connection, inner, content)
    } finally {
      this.#isLent = false
      this.#connection = connection
      this.#framer = outer
      this.#chunk = chunk
      this.#spanning = spanning
    }
    if (inner.pendingBytes > 0) throw new BrokerError('frame.malformed', { problem: `a segment of shared memory ends in the middle of a frame, after ${inner.pendingBytes} bytes of it` })
  }
}

function decodeBody(payload: Uint8Array): unknown {
  try {
    if (isWholeMsgpack(payload)) return decode(payload)
  } catch (error) {
    throw new BrokerError('frame.malformed', { problem: 'the body of a control frame is not valid MessagePack' }, { cause: error })
  }
  throw new BrokerError('frame.malformed', { problem: 'the body of a control frame is not one whole MessagePack value' })
}

/** array of 8, uint 8, publish, uint 16 */
const PUBLISH_WORD = (Marker.publishArray << 24) | (Marker.uint8 << 16) | (Kind.publish << 8) | Marker.uint16
/** flags, uint 32, first byte of the origin; the mask lets the payload type and the origin be anything */
const FLAGS_MASK = 0xff_ff_ff_00 & ~(Flag.payloadType << 16)
const PLAIN_WORD = Marker.uint32 << 8
const RECEIPT_WORD = PLAIN_WORD | (Flag.receipt << 16)
/** nil for headers, bin 32 */
const PAYLOAD_WORD = (Marker.nil << 8) | Marker.bin32

const NOT_PLAIN = 0

// PLAIN_WORD or RECEIPT_WORD: canonical, with no flag but the payload type and the wish for a receipt, no headers, and an id that a number can hold.
function plainFlags(view: DataView, start: number, end: number, subjectEnd: number): number {
  if (!(subjectEnd + 6 <= end && view.getInt32(start + Offset.array) === PUBLISH_WORD)) return NOT_PLAIN
  const flags = view.getInt32(start + Offset.flags) & FLAGS_MASK
  const isPlain =
    (flags === PLAIN_WORD || flags === RECEIPT_WORD) &&
    view.getUint8(start + Offset.id - 1) === Marker.uint64 &&
    view.getUint8(start + Offset.time - 1) === Marker.uint64 &&
    view.getUint8(start + Offset.subject - 2) === Marker.str8 &&
    view.getUint16(subjectEnd) === PAYLOAD_WORD &&
    view.getUint32(subjectEnd + 2) === end - subjectEnd - 6 &&
    view.getUint32(start + Offset.id) <= HIGH_WORD_LIMIT
  return isPlain ? flags : NOT_PLAIN
}
