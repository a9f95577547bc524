// Reads native frames and gathers consecutive plain publishes into runs. One reader serves all connections, as a chunk
// is read in one go: what must outlast the chunk stands in the connection's framer.
//
//   chunk   [P a 1][P a 2][P a 3][P b 4][subscribe][P b 5]
//   out     └───── run of 3 ────┘└ run ┘ control    └ run ┘

import { decode } from '@msgpack/msgpack'
import type { Ingress } from '../../broker/ground/control.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import { isWholeMsgpack } from '../../broker/ground/msgpack-shape.ts'
import { isCanonical, rewrite } from '../../broker/wire/canonical.ts'
import { decodeFrame } from '../../broker/wire/frame.ts'
import type { Framer, FrameSink } from '../../broker/wire/framer.ts'
import { readUint32, readUint53, writeUint32 } from '../../broker/wire/integers.ts'
import { Flag, Kind, Marker, Offset } from '../../broker/wire/layout.ts'

const NOTHING = new Uint8Array(0)
const HIGH_WORD_LIMIT = 0x1fffff

/** What the reader must know of a connection. */
export interface NativeSource {
  readonly number: number
  /** True after the welcome: before it there are only control frames. */
  readonly isReady: boolean
}

export class NativeReader<C extends NativeSource> implements FrameSink {
  readonly #ingress: Ingress<C>
  readonly #wallMicros: () => number
  readonly #onRead: (chunk: Uint8Array) => void
  #connection!: C
  #timeMicros = 0
  #timeHigh = 0
  #timeLow = 0
  // The open run; none while #count is 0.
  #bytes: Uint8Array = NOTHING
  #start = 0
  #end = 0
  #count = 0
  #firstId = 0
  #nextId = 0
  #subjectStart = 0
  #subjectEnd = 0

  /** `onRead` gets each chunk when all of it is handed over. */
  constructor(ingress: Ingress<C>, wallMicros: () => number, onRead: (chunk: Uint8Array) => void) {
    this.#onRead = onRead
    this.#ingress = ingress
    this.#wallMicros = wallMicros
  }

  /** Takes a chunk of `connection` apart and hands all that is whole to the ingress, in order of arrival. */
  read(connection: C, framer: Framer, chunk: Uint8Array): void {
    this.#connection = connection
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
    this.#bytes = NOTHING
    this.#onRead(chunk)
  }

  frame(bytes: Uint8Array, start: number, end: number): void {
    const subjectStart = start + Offset.subject
    const subjectEnd = subjectStart + bytes[start + Offset.subjectLength]!
    if (!this.#isPlainPublish(bytes, start, end, subjectEnd)) {
      this.#closeRun()
      this.#other(bytes, start, end)
      return
    }
    const id = readUint53(bytes, start + Offset.id)
    this.#stamp(bytes, start)
    if (this.#count > 0) {
      if (start === this.#end && id === this.#nextId && bytes === this.#bytes && this.#isRunSubject(subjectStart, subjectEnd)) {
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
    this.#nextId = id + 1
    this.#subjectStart = subjectStart
    this.#subjectEnd = subjectEnd
  }

  // Canonical, flags zero except the payload type, no headers, and the connection is past its handshake.
  #isPlainPublish(bytes: Uint8Array, start: number, end: number, subjectEnd: number): boolean {
    return (
      bytes[start + Offset.kind] === Kind.publish &&
      bytes[start + Offset.array] === Marker.publishArray &&
      bytes[start + 5] === Marker.uint8 &&
      bytes[start + 7] === Marker.uint16 &&
      bytes[start + Offset.flags] === 0 &&
      (bytes[start + Offset.flags + 1]! & ~Flag.payloadType) === 0 &&
      bytes[start + 10] === Marker.uint32 &&
      bytes[start + 15] === Marker.uint64 &&
      bytes[start + 24] === Marker.uint64 &&
      bytes[start + 33] === Marker.str8 &&
      subjectEnd + 6 <= end &&
      bytes[subjectEnd] === Marker.nil &&
      bytes[subjectEnd + 1] === Marker.bin32 &&
      readUint32(bytes, subjectEnd + 2) === end - subjectEnd - 6 &&
      readUint32(bytes, start + Offset.id) <= HIGH_WORD_LIMIT &&
      this.#connection.isReady
    )
  }

  #isRunSubject(start: number, end: number): boolean {
    const bytes = this.#bytes
    const runStart = this.#subjectStart
    if (end - start !== this.#subjectEnd - runStart) return false
    for (let i = end - start - 1; i >= 0; i--) if (bytes[start + i] !== bytes[runStart + i]) return false
    return true
  }

  // Only bytes that this reader owns and has not delivered yet are written to.
  #stamp(bytes: Uint8Array, start: number): void {
    writeUint32(bytes, start + Offset.origin, this.#connection.number)
    writeUint32(bytes, start + Offset.time, this.#timeHigh)
    writeUint32(bytes, start + Offset.time + 4, this.#timeLow)
  }

  #closeRun(): void {
    const count = this.#count
    if (count === 0) return
    this.#count = 0
    this.#ingress.run(this.#connection, this.#bytes, this.#start, this.#end, count, this.#firstId, this.#subjectStart, this.#subjectEnd, this.#timeMicros)
  }

  #other(bytes: Uint8Array, start: number, end: number): void {
    try {
      if (!isCanonical(bytes, start, end)) {
        bytes = rewrite(bytes, start, end)
        start = 0
        end = bytes.length
      }
      if (bytes[start + Offset.kind]! < Kind.hello) return this.#ingress.message(this.#connection, bytes, start, end, this.#timeMicros)
      const { kind, id, ref, payload } = decodeFrame(bytes, start, end)
      this.#ingress.control(this.#connection, { kind, id, ref, body: payload.length === 0 ? undefined : decodeBody(payload) })
    } catch (error) {
      this.#ingress.refuse(this.#connection, 0, BrokerError.from(error))
    }
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
