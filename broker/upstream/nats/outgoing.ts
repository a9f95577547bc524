// Native frames for beyond, as lines of the NATS protocol. Knows no sockets.

import { BrokerError } from '../../ground/errors.ts'
import { Kind } from '../../ground/kind.ts'
import { Offset } from '../../wire/layout.ts'
import { readUint32, readUint53 } from '../../wire/integers.ts'
import { EMPTY_BLOCK, NO_RESPONDERS_BLOCK } from '../../wire/nats/header-block.ts'
import { NatsPartsWriter, type NatsNames } from '../../wire/nats/nats-parts.ts'
import { frameEnd } from '../../wire/regroup.ts'
import type { Asked } from './asked.ts'
import { fieldOf, withFields, Word } from './words.ts'

export interface OutgoingOptions {
  readonly names: NatsNames
  readonly asked: Asked
  /** Under which subject a message to an address (`$CB.…`) is published; undefined: nobody is there. */
  readonly subjectOf: (subject: string) => string | undefined
  /** An answer of a client here to a request of a client here. */
  readonly loopback: (frame: Uint8Array, origin: number, id: number) => void
  readonly onProblem: (problem: BrokerError) => void
}

const text = new TextDecoder()
const utf8 = new TextEncoder()
const LINE_END = utf8.encode('\r\n')
const NO_BYTES = new Uint8Array(0)
/** As if it were a broker: ids of brokers are longer. */
const NOBODY = '$CB.bus.none'

export class Outgoing {
  readonly #options: OutgoingOptions
  readonly #parts: NatsPartsWriter
  #mark = ''
  /** Messages that could not be put into NATS form, or were too large in it. */
  unsent = 0

  constructor(options: OutgoingOptions) {
    this.#options = options
    this.#parts = new NatsPartsWriter(options.names)
  }

  /** What stands in every message from now on: see epochs.ts. */
  mark(mark: string): void {
    this.#mark = fieldOf(Word.link, mark)
  }

  /** Appends what the frames of `piece` say to `into`. Payloads are views. */
  write(piece: Uint8Array, into: Uint8Array[], limits: { readonly maxPayloadBytes: number; readonly hasHeaders: boolean }): void {
    for (let start = 0; start < piece.length; ) {
      const end = frameEnd(piece, start)
      try {
        this.#frame(piece, start, end, into, limits)
      } catch (error) {
        this.#unsent(BrokerError.from(error))
      }
      start = end
    }
  }

  #frame(bytes: Uint8Array, start: number, end: number, into: Uint8Array[], limits: { readonly maxPayloadBytes: number; readonly hasHeaders: boolean }): void {
    const kind = bytes[start + Offset.kind]!
    const { asked } = this.#options
    const ref = kind === Kind.publish ? 0 : readUint53(bytes, start + Offset.ref)
    // All that could answer have answered.
    if (kind === Kind.end) return asked.delete(ref)
    const isAnswer = kind === Kind.response || kind === Kind.part || kind === Kind.error
    if (isAnswer) return this.#answer(kind, ref, bytes, start, end, into, limits)
    const isRequest = kind === Kind.request
    const subjectAt = start + (isRequest ? Offset.longSubject : Offset.subject)
    const named = text.decode(bytes.subarray(subjectAt, subjectAt + bytes[subjectAt - 1]!))
    // Who was there when it was routed may have left: then it goes where nobody listens, and the server tells it to who asks.
    const subject = named.startsWith('$CB.') ? (this.#options.subjectOf(named) ?? named.replace('$CB', NOBODY)) : named
    const { headers, payload, replyTo } = this.#parts.parts(bytes, start, end)
    if (!isRequest) return this.#publish(subject, replyTo, headers, payload, into, limits)
    const reply = asked.addressOf(readUint32(bytes, start + Offset.origin), readUint53(bytes, start + Offset.id))
    this.#publish(subject, reply, withFields(headers, fieldOf(Word.timeout, String(readUint32(bytes, start + Offset.to)))), payload, into, limits)
  }

  #answer(kind: number, ref: number, bytes: Uint8Array, start: number, end: number, into: Uint8Array[], limits: { readonly maxPayloadBytes: number; readonly hasHeaders: boolean }): void {
    const { asked, loopback } = this.#options
    const request = asked.get(ref)
    if (request === undefined) return
    const { reply, isOurs } = request
    const isBrokers = kind === Kind.error && readUint32(bytes, start + Offset.origin) === 0
    if (isBrokers) asked.delete(ref)
    // What this broker has to say of its own clients is of no interest where others may answer.
    if (isBrokers && !isOurs) return
    const own = asked.requestOf(reply)
    if (own !== undefined) return loopback(new Uint8Array(bytes.subarray(start, end)), own.origin, own.id)
    const { headers, payload } = this.#parts.parts(bytes, start, end)
    this.#publish(reply, undefined, headers, payload, into, limits)
  }

  /** A word to other brokers. */
  word(subject: string, into: Uint8Array[]): void {
    said(subject, withFields(EMPTY_BLOCK, this.#mark), into)
  }

  /** Tells whoever asks at `reply` that nobody answers. */
  declined(reply: string, into: Uint8Array[]): void {
    said(reply, NO_RESPONDERS_BLOCK, into)
  }

  #publish(subject: string, reply: string | undefined, block: Uint8Array, payload: Uint8Array, into: Uint8Array[], { maxPayloadBytes, hasHeaders }: { readonly maxPayloadBytes: number; readonly hasHeaders: boolean }): void {
    const headers = hasHeaders ? withFields(block, this.#mark) : NO_BYTES
    const bytes = headers.length + payload.length
    // The server would end the connection for it.
    if (bytes > maxPayloadBytes) return this.#unsent(new BrokerError('nats.max_payload', { actualBytes: bytes, limitBytes: maxPayloadBytes }))
    const to = reply === undefined ? subject : `${subject} ${reply}`
    if (headers.length > 0) into.push(utf8.encode(`HPUB ${to} ${headers.length} ${bytes}\r\n`), headers, payload, LINE_END)
    else into.push(utf8.encode(`PUB ${to} ${bytes}\r\n`), payload, LINE_END)
  }

  #unsent(problem: BrokerError): void {
    this.unsent++
    this.#options.onProblem(problem)
  }
}

// A message of headers alone.
function said(subject: string, headers: Uint8Array, into: Uint8Array[]): void {
  into.push(utf8.encode(`HPUB ${subject} ${headers.length} ${headers.length}\r\n`), headers, LINE_END)
}
