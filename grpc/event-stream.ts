// A Subscribe stream as the receiver of a connection: what is delivered to it is written as events, one write of the broker
// at a time. What the client does not read stays with the broker, where limits and policies hold for it as for any receiver.

import type { Metadata, ServerWritableStream } from '@grpc/grpc-js'
import { Deadline, type Deadlines } from '../broker/ground/deadlines.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import { Kind } from '../broker/ground/kind.ts'
import type { Frame } from '../broker/wire/frame.ts'
import type { ConnectionEnd, Receiver } from './connection-end.ts'
import { writeEvent } from './definitions.ts'
import { EventWriter, type Names } from './events.ts'
import type { Topic } from './messages.ts'
import { statusOf } from './status.ts'

/** Time that a client has to take what was written, and the status behind it, before its stream is reset. ms */
const LAST_WORDS_MS = 5000

export type EventCall = ServerWritableStream<Topic, Buffer>

export interface StreamParts {
  readonly call: EventCall
  readonly end: ConnectionEnd
  readonly names: Names
  readonly deadlines: Deadlines
  /** Gives the text by which an answer names a request. */
  readonly replyTo: (origin: number, id: number) => string
  /** Resets the stream of HTTP/2. */
  readonly reset: () => void
}

export class EventStream implements Receiver {
  readonly #parts: StreamParts
  /** Subjects of requests that came and were not answered here, by `<origin>.<id>`. */
  readonly #open = new Map<string, string>()
  readonly #deadline: Deadline
  readonly #writer: EventWriter
  /** What came before the client was told that its subscription stands; undefined: it was. */
  #early: Buffer[] | undefined = []
  #unwritten = 0
  #isWaiting = false
  #isEnded = false
  #isOver = false

  constructor(parts: StreamParts) {
    this.#parts = parts
    this.#writer = new EventWriter(parts.names)
    this.#deadline = new Deadline(parts.reset)
  }

  /** A request that came may be answered. */
  isOpen(origin: number, id: number): boolean {
    return this.#open.has(`${origin}.${id}`)
  }

  /** It was, for the last time. */
  answered(origin: number, id: number): void {
    this.#open.delete(`${origin}.${id}`)
  }

  /** Requests that came and were not answered fail: whoever asked need not wait for the time-out. */
  failOpen(): void {
    for (const [key, subject] of this.#open) {
      const [origin, id] = key.split('.').map(Number)
      this.#parts.end.refuse(origin!, id!, new BrokerError('request.responder_gone', { subject }))
    }
    this.#open.clear()
  }

  delivered(frame: Frame): void {
    if (this.#isEnded) return
    const { replyTo, call } = this.#parts
    if (frame.kind === Kind.request) this.#open.set(`${frame.origin}.${frame.id}`, frame.subject)
    const reply = frame.kind === Kind.request ? replyTo(frame.origin, frame.id) : frame.kind === Kind.cancel ? replyTo(frame.to, frame.ref) : undefined
    if (frame.kind === Kind.cancel) this.#open.delete(`${frame.to}.${frame.ref}`)
    this.#unwritten++
    // Written now: the frame's payload is the broker's memory, and the call takes one event after another.
    const bytes = writeEvent(frame.kind === Kind.cancel ? { kind: 'KIND_CANCEL', replyTo: reply! } : this.#writer.event(frame, reply))
    if (this.#early === undefined) call.write(bytes, this.#written)
    else this.#early.push(bytes)
  }

  /** The subscription stands: the client is told so, and gets events from now on. */
  start(metadata: Metadata): void {
    const { call } = this.#parts
    call.sendMetadata(metadata)
    for (const bytes of this.#early ?? []) call.write(bytes, this.#written)
    this.#early = undefined
  }

  flushed(): boolean {
    this.#writer.forget()
    if (this.#unwritten === 0) return true
    this.#isWaiting = true
    return false
  }

  ended(error: BrokerError): void {
    if (this.#isEnded) return
    this.#isEnded = true
    const { call, deadlines } = this.#parts
    if (call.cancelled) return
    call.emit('error', statusOf(error))
    deadlines.set(this.#deadline, LAST_WORDS_MS)
  }

  /** The call is over, whoever ended it. */
  over(): void {
    this.#isEnded = true
    // Its connection may have another stream by now.
    this.#isOver = true
    this.#parts.deadlines.cancel(this.#deadline)
  }

  // HTTP/2 took it: the client's window had room.
  readonly #written = (): void => {
    if (--this.#unwritten > 0 || !this.#isWaiting || this.#isOver) return
    this.#isWaiting = false
    this.#parts.end.taken()
  }
}
