// Sends what one consumer says of its messages: all of a turn in one frame, and tells each of them what the broker answered.
//
//   ack, nak, term … ─▶ [waiting] ──(end of turn)──▶ settle frame ──▶ broker
//                           ▲                              └── ok {lost} ──▶ each settlement is over
//                           └─ while a session is away that may go on

import { decode, encode, Encoder } from '@msgpack/msgpack'
import { BrokerError } from '../broker/ground/errors.ts'
import type { Frame, FrameInit } from '../broker/wire/frame.ts'
import { Kind } from '../broker/wire/layout.ts'
import { errorOf } from './answer-error.ts'
import type { Call } from './call.ts'
import type { Connection } from './connection.ts'
import { deferred, type Deferred } from './deferred.ts'
import type { Flow } from './flow.ts'
import type { Lease } from './lease.ts'
import type { Session } from './session.ts'
import type { Settlement } from './settlement.ts'

// One for all: the library's function makes a new one, with 2 KiB of its own, for every call. Forwards may be large, and one would keep their memory.
const encoder = new Encoder()

/** Most entries that the broker takes in one frame. */
const MAX_ENTRIES = 10_000

export interface SettlerParts {
  readonly session: Session
  readonly flow: Flow
  /** Told of failures that nobody waits for. */
  readonly problem: (error: BrokerError) => void
}

/** Whose leases they are. */
export interface SettlerOwner {
  /** The broker says that it is not held, or the session is over and it went with that. */
  lost(lease: Lease): void
  /** What was said of it was refused: it is held as before. */
  kept(lease: Lease): void
}

export class Settler {
  readonly #consumer: number
  readonly #parts: SettlerParts
  readonly #owner: SettlerOwner
  /** Sessions that are over. What was sent in one of them fails after its end was told. */
  #sessions = 0
  #waiting: Settlement[] = []
  #open = 0
  #idle: Deferred<void> | undefined

  /** `consumer` is the number by which the broker knows it. */
  constructor(consumer: number, parts: SettlerParts, owner: SettlerOwner) {
    this.#consumer = consumer
    this.#parts = parts
    this.#owner = owner
  }

  /** Settlements that are not over. */
  get open(): number {
    return this.#open
  }

  /** Takes one; it leaves with the next flush. */
  add(settlement: Settlement): void {
    this.#open++
    this.#waiting.push(settlement)
  }

  /** Sends what waits, when there is a connection. */
  flush(): void {
    const { connection } = this.#parts.session
    if (this.#waiting.length === 0 || connection?.isOpen !== true) return
    const all = this.#waiting
    this.#waiting = []
    // A forward may be refused for what it says, and then the whole frame is: so each goes alone.
    const rest = all.some(({ verdict }) => verdict === 'forward') ? all.filter(each => each.verdict !== 'forward' || this.#sendForward(each, connection)) : all
    for (let at = 0; at < rest.length; at += MAX_ENTRIES) this.#send(rest.slice(at, at + MAX_ENTRIES), encoder.encode(bodyOf(rest.slice(at, at + MAX_ENTRIES))))
  }

  /** The session is over: what has not left never will. What has is told by its calls. */
  abandoned(): void {
    this.#sessions++
    const waiting = this.#waiting
    this.#waiting = []
    for (const settlement of waiting) this.#end(settlement, settlement.lease.lostError())
  }

  /** Resolves when none is open. */
  idle(): Promise<void> {
    if (this.#open === 0) return Promise.resolve()
    this.#idle ??= deferred()
    return this.#idle.promise
  }

  /** Ends one that cannot be sent, or was not confirmed; nobody waits for it: it is told as a problem. */
  fail(settlement: Settlement, error: BrokerError): void {
    if (!settlement.end(error)) this.#parts.problem(error)
  }

  #sendForward(settlement: Settlement, connection: Connection): false {
    const { lease, details } = settlement
    try {
      const frames = details.frames!.map(frame => connection.enclosed(frame))
      this.#send([settlement], encode({ forward: [[lease.position, lease.attempt, frames]] }))
    } catch (error) {
      this.#giveBack(settlement, true)
      this.#end(settlement, BrokerError.from(error))
    }
    return false
  }

  #send(settlements: readonly Settlement[], payload: Uint8Array): void {
    const answered = this.#parts.flow.await()
    const session = this.#sessions
    const call = settleCall({ kind: Kind.settle, ref: this.#consumer, payload }, (lost, error) => {
      answered()
      if (error === undefined) this.#confirmed(settlements, lost)
      else this.#failed(settlements, error, session === this.#sessions)
    })
    this.#parts.session.submit(call)
  }

  #confirmed(settlements: readonly Settlement[], lost: ReadonlySet<number>): void {
    for (const settlement of settlements) {
      const { lease } = settlement
      if (lost.size === 0 || !lost.has(lease.position)) this.#end(settlement, undefined)
      else {
        this.#owner.lost(lease)
        this.#end(settlement, lease.lostError())
      }
    }
  }

  // One problem for all that nobody waits for: they failed together.
  #failed(settlements: readonly Settlement[], error: BrokerError, isSameSession: boolean): void {
    let isTold = true
    for (const settlement of settlements) {
      this.#giveBack(settlement, isSameSession)
      isTold = settlement.end(error) && isTold
    }
    this.#closed(settlements.length)
    // Whoever closes the client with acks under way need not be told so.
    if (!isTold && error.code !== 'client.closed') this.#parts.problem(error)
  }

  // Of one that was to be extended something else may have been said meanwhile, and that counts.
  #giveBack({ lease, verdict }: Settlement, isSameSession: boolean): void {
    if (verdict === 'working') return
    lease.unsettle()
    if (isSameSession) this.#owner.kept(lease)
    else this.#owner.lost(lease)
  }

  #end(settlement: Settlement, error: BrokerError | undefined): void {
    this.#closed(1)
    if (error === undefined) settlement.end(undefined)
    else this.fail(settlement, error)
  }

  #closed(count: number): void {
    this.#open -= count
    if (this.#open > 0) return
    this.#idle?.resolve()
    this.#idle = undefined
  }
}

/** A settle frame; `answered` is called once, with the positions that were lost or why it failed. */
function settleCall(frame: FrameInit, answered: (lost: ReadonlySet<number>, error: BrokerError | undefined) => void): Call {
  return {
    frame,
    isAnswered: true,
    isRepeatable: false,
    isBound: true,
    id: 0,
    sent() {},
    received(answer: Frame) {
      if (answer.kind === Kind.error) answered(NONE, errorOf(answer))
      else answered(answer.payload.length === 0 ? NONE : lostOf(answer.payload), undefined)
      return true
    },
    failed: error => answered(NONE, error),
  }
}

const NONE: ReadonlySet<number> = new Set()

function lostOf(payload: Uint8Array): ReadonlySet<number> {
  const { lost = [] } = decode(payload) as { readonly lost?: readonly number[] }
  return lost.length === 0 ? NONE : new Set(lost)
}

/** The body of a settle frame, as docs/protocol.md has it. */
function bodyOf(settlements: readonly Settlement[]): object {
  const pairs: { ack?: number[]; working?: number[]; release?: number[] } = {}
  const nak: unknown[] = []
  const term: unknown[] = []
  for (const { lease, verdict, details } of settlements) {
    const { position, attempt } = lease
    const reason = details.reason === undefined ? [] : [details.reason]
    if (verdict === 'nak') nak.push([position, attempt, details.delayMs ?? null, ...reason])
    else if (verdict === 'term') term.push([position, attempt, ...reason])
    else if (verdict !== 'forward') (pairs[verdict] ??= []).push(position, attempt)
  }
  return { ...pairs, ...(nak.length === 0 ? {} : { nak }), ...(term.length === 0 ? {} : { term }) }
}
