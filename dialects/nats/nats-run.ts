// Consecutive PUBs (or one HPUB) of a subject as they came, and what receivers of several kinds get of them.
//
//   came      PUB a.b 5\r\nhello\r\n            prefix: up to the subject and its space
//   leaves    MSG a.b 7 5\r\nhello\r\n          all behind the prefix is taken over as it is, reply subject and headers too

import type { ForeignMessages, StoreAnswers } from '../../broker/ground/control.ts'
import { Flag, Kind } from '../../broker/ground/kind.ts'
import type { ServiceWish } from '../../broker/ground/registry.ts'
import type { Slice } from '../../broker/ground/slice.ts'
import { headerValue } from '../../broker/wire/nats/header-block.ts'
import { Name } from '../../broker/wire/nats/header-names.ts'
import { optionHeaders } from '../../broker/wire/nats/message-options.ts'
import { nativeFrame } from '../../broker/wire/nats/native-frame.ts'
import { plainBytes, writePlain } from '../../broker/wire/nats/plain-publish.ts'
import { copyInto } from './copy-into.ts'
import { writeMessages } from './message-line.ts'
import type { MessageMemory } from './message-memory.ts'
import { pubAcks, queueHeadersOf } from './pub-ack.ts'

const SPACE = 0x20
const CR = 0x0d
const CRLF_BYTES = 2
const NOTHING = new Uint8Array(0)

/** Makes of `PUB` and `HPUB` what a subscription gets. */
export class NatsRun implements ForeignMessages {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
  readonly count: number
  readonly subjectStart: number
  readonly subjectEnd: number
  readonly timeMicros: number
  origin = 0
  firstId = 0
  answerMs = 0
  isQueued = false
  /** The reply subject's place; empty: none. */
  readonly #replyStart: number
  readonly #replyEnd: number
  /** Bytes of the header block; -1: it is a PUB. */
  readonly #headerBytes: number
  /** Bytes of headers and payloads of all of it. */
  readonly #sizes: number
  #sid = ''
  #encoded: Slice | undefined
  #bySid: Map<string, Slice> | undefined
  #native: Slice | undefined
  /** Where the message begins that was asked for last, and its place in the run; -1: none was. */
  #partStart = -1
  #partIndex = 0

  /** In its canonical form: single spaces, `PUB` or `HPUB` in upper case, CRLF. */
  constructor(bytes: Uint8Array, start: number, end: number, count: number, subjectStart: number, subjectEnd: number, replyStart: number, replyEnd: number, headerBytes: number, sizes: number, timeMicros: number) {
    this.bytes = bytes
    this.start = start
    this.end = end
    this.count = count
    this.subjectStart = subjectStart
    this.subjectEnd = subjectEnd
    this.#replyStart = replyStart
    this.#replyEnd = replyEnd
    this.#headerBytes = headerBytes
    this.#sizes = sizes
    this.timeMicros = timeMicros
  }

  get subject(): string {
    return textOf(this.bytes, this.subjectStart, this.subjectEnd)
  }

  /** Where answers are to be published; undefined: none is asked for. */
  get reply(): string | undefined {
    return this.#replyEnd === this.#replyStart ? undefined : textOf(this.bytes, this.#replyStart, this.#replyEnd)
  }

  /** The block `NATS/1.0 …` of one message; undefined: it has none. */
  get headerBlock(): Uint8Array | undefined {
    if (this.#headerBytes < 0) return undefined
    const at = this.#payloadAt(this.start)
    return this.bytes.subarray(at, at + this.#headerBytes)
  }

  headers(): Readonly<Record<string, unknown>> | undefined {
    const block = this.headerBlock
    return block === undefined ? undefined : optionHeaders(block)
  }

  queueHeaders(queue: string): Readonly<Record<string, unknown>> | undefined {
    const block = this.headerBlock
    return block === undefined ? undefined : queueHeadersOf(block, queue)
  }

  wish(): ServiceWish {
    const block = this.headerBlock
    return { version: block && headerValue(block, Name.version), affinity: block && headerValue(block, Name.affinity) }
  }

  get storeAnswers(): StoreAnswers {
    return pubAcks
  }

  /** Of its one message. */
  get payloadBytes(): number {
    return this.end - CRLF_BYTES - this.#payloadAt(this.start) - Math.max(0, this.#headerBytes)
  }

  /** Bytes of headers and payloads of `slice`, which is all or one of the run. */
  sizeOf({ start, end, count }: Slice): number {
    return count === this.count ? this.#sizes : end - CRLF_BYTES - this.#payloadAt(start)
  }

  /** Where the message that begins at `start` ends. */
  messageEnd(bytes: Uint8Array, start: number): number {
    if (this.count === 1) return this.end
    let at = start + this.#prefixBytes
    let size = 0
    for (let byte = bytes[at]!; byte !== CR; byte = bytes[++at]!) size = size * 10 + byte - 0x30
    return at + CRLF_BYTES + size + CRLF_BYTES
  }

  /** The same as runs of one. */
  singles(): NatsRun[] {
    const runs: NatsRun[] = []
    for (let start = this.start; start < this.end;) {
      const end = this.messageEnd(this.bytes, start)
      const by = start - this.start
      runs.push(new NatsRun(this.bytes, start, end, 1, this.subjectStart + by, this.subjectEnd + by, 0, 0, this.#headerBytes, end - CRLF_BYTES - this.#payloadAt(start), this.timeMicros))
      start = end
    }
    return runs
  }

  native(slice: Slice): Slice {
    if (slice.start === this.start && slice.end === this.end) return (this.#native ??= this.#toNative(slice))
    return this.#toNative(slice)
  }

  /** The messages of `slice`, which is all or some of the run, for a subscription; made once for each sid. */
  messages(slice: Slice, sid: string, sidBytes: Uint8Array, readsHeaders: boolean, memory: MessageMemory): Slice {
    if (this.#headerBytes >= 0 && !readsHeaders) return this.#withoutHeaders(slice, sidBytes, memory)
    if (slice.count !== this.count) return this.#encode(slice, sidBytes, memory)
    if (sid === this.#sid) return this.#encoded!
    let encoded = this.#bySid?.get(sid)
    if (encoded === undefined) {
      encoded = this.#encode(slice, sidBytes, memory)
      // Most runs have one receiver, or receivers that all have the same sid.
      if (this.#encoded !== undefined) (this.#bySid ??= new Map([[this.#sid, this.#encoded]])).set(sid, encoded)
    }
    this.#sid = sid
    this.#encoded = encoded
    return encoded
  }

  get #prefixBytes(): number {
    return this.subjectEnd + 1 - this.start
  }

  #payloadAt(start: number): number {
    let at = start + this.#prefixBytes
    while (this.bytes[at] !== CR) at++
    return at + CRLF_BYTES
  }

  #encode(slice: Slice, sid: Uint8Array, memory: MessageMemory): Slice {
    const { bytes } = this
    const prefix = this.#prefixBytes
    const verbBytes = this.subjectStart - this.start
    const head = verbBytes + (this.subjectEnd - this.subjectStart) + 1 + sid.length + 1
    const total = slice.end - slice.start + slice.count * (head - prefix)
    memory.reserve(total)
    const { buffer: out, at: begin } = memory
    let at = writeHead(out, begin, bytes, this.start, this.subjectStart, this.subjectEnd, sid)
    for (let start = slice.start; ;) {
      const end = this.messageEnd(bytes, start)
      copyInto(out, at, bytes, start + prefix, end)
      at += end - start - prefix
      if (end >= slice.end) break
      start = end
      for (let i = 0; i < head; i++) out[at + i] = out[begin + i]!
      at += head
    }
    return slice.rewritten(out, begin, at)
  }

  // For the rare client that takes no headers.
  #withoutHeaders(slice: Slice, sid: Uint8Array, memory: MessageMemory): Slice {
    const payload = this.#payload(slice.start, slice.end)
    return slice.rewritten(writeMessages([{ subject: this.#subjectBytes, replyTo: this.reply, headers: undefined, payload }], sid, memory))
  }

  // What has a reply subject or headers is alone.
  #toNative(slice: Slice): Slice {
    const { bytes, origin, timeMicros } = this
    const reply = this.isQueued ? undefined : this.reply
    let id = this.firstId + this.#indexOf(slice.start)
    if (reply !== undefined || this.#headerBytes >= 0) return slice.rewritten(this.#frame(this.answerMs > 0 ? Kind.request : Kind.publish, this.#subjectBytes, reply, id, slice.start, slice.end, 0, 0))
    const run = { subject: this.#subjectBytes, origin, timeMicros }
    let payloadBytes = 0
    for (let start = slice.start, end; start < slice.end; start = end) payloadBytes += (end = this.messageEnd(bytes, start)) - CRLF_BYTES - this.#payloadAt(start)
    const frames = new Uint8Array(plainBytes(run.subject.length, slice.count, payloadBytes))
    let at = 0
    for (let start = slice.start; start < slice.end; ) {
      const end = this.messageEnd(bytes, start)
      at = writePlain(frames, at, run, id++, bytes, this.#payloadAt(start), end - CRLF_BYTES)
      start = end
    }
    return slice.rewritten(frames)
  }

  answers(to: number, ref: number): Uint8Array[] {
    const frames: Uint8Array[] = []
    for (let start = this.start; start < this.end; ) {
      const end = this.messageEnd(this.bytes, start)
      frames.push(this.#frame(Kind.response, NOTHING, this.reply, this.firstId + frames.length, start, end, to, ref))
      start = end
    }
    return frames
  }

  #frame(kind: number, subject: Uint8Array, replyTo: string | undefined, id: number, start: number, end: number, to: number, ref: number): Uint8Array {
    const { origin, timeMicros, answerMs, headerBlock: headers } = this
    const payload = this.#payload(start, end)
    if (kind !== Kind.request) return nativeFrame({ kind, subject, replyTo, origin, id, timeMicros, to, ref, headers, payload })
    // Answers of all are passed on: a NATS client takes the first, or as many as it likes.
    return nativeFrame({ kind, flags: Flag.many, subject, replyTo, origin, id, timeMicros, to: answerMs, headers, payload })
  }

  get #subjectBytes(): Uint8Array {
    return this.bytes.subarray(this.subjectStart, this.subjectEnd)
  }

  #payload(start: number, end: number): Uint8Array {
    return this.bytes.subarray(this.#payloadAt(start) + Math.max(0, this.#headerBytes), end - CRLF_BYTES)
  }

  // Parts are asked for in their order, one for each message where a group has members of several kinds: each goes on from the one before.
  #indexOf(start: number): number {
    const isBehind = this.#partStart >= this.start && this.#partStart <= start
    let at = isBehind ? this.#partStart : this.start
    let index = isBehind ? this.#partIndex : 0
    for (; at < start; at = this.messageEnd(this.bytes, at)) index++
    this.#partStart = at
    this.#partIndex = index
    return index
  }
}

// `MSG subject sid `, or `HMSG …`, from `begin` on; returns where it ends.
function writeHead(out: Uint8Array, begin: number, bytes: Uint8Array, start: number, subjectStart: number, subjectEnd: number, sid: Uint8Array): number {
  let at = begin
  if (subjectStart - start === 5) out[at++] = 0x48
  out[at++] = 0x4d
  out[at++] = 0x53
  out[at++] = 0x47
  out[at++] = SPACE
  for (let i = subjectStart; i < subjectEnd; i++) out[at++] = bytes[i]!
  out[at++] = SPACE
  for (let i = 0; i < sid.length; i++) out[at++] = sid[i]!
  out[at++] = SPACE
  return at
}

const utf8 = new TextDecoder()

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return utf8.decode(bytes.subarray(start, end))
}
