// What a queue is told of a message beside its bytes, out of its headers, and what its publisher is told when it is stored or is not.

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import type { StoreAnswers } from './ground/control.ts'
import type { BrokerError } from './ground/errors.ts'
import type { Intake, StoredAt } from './ground/intake.ts'
import { Kind } from './ground/kind.ts'
import { PayloadType } from './ground/payload-type.ts'
import type { Durability } from './ground/store-settings.ts'
import type { ReceiptWatch } from './message-options.ts'
import type { QueueOptions } from './queue-options.ts'

/** What a message says that is more than a plain run says. */
export interface IntakeOptions {
  readonly mid: string | undefined
  readonly ttlMs: number
  readonly queue: QueueOptions
}

/** A run of plain publishes: nobody waits to be told that it is stored. */
export class RunIntake implements Intake {
  readonly origin: number
  readonly firstId: number
  readonly messageId: string | undefined
  readonly session: string | undefined
  readonly sequence: number
  readonly dueAtMs: number
  readonly expiresAtMs: number
  readonly durability: Durability | undefined
  protected readonly core: Core
  protected readonly connection: Connection

  constructor(core: Core, connection: Connection, firstId: number, options?: IntakeOptions) {
    this.core = core
    this.connection = connection
    this.origin = connection.number
    this.firstId = firstId
    // The store compares with the same clock: one that was set a moment ago must not make what has just come late.
    const nowMs = options === undefined ? 0 : core.clock.wallMs()
    const queue = options?.queue
    this.messageId = options?.mid
    this.session = queue?.session
    this.sequence = queue?.sequence ?? 0
    this.dueAtMs = queue === undefined ? 0 : queue.delayMs > 0 ? nowMs + queue.delayMs : queue.deliverAtMs
    this.expiresAtMs = options === undefined || options.ttlMs === 0 ? 0 : nowMs + options.ttlMs
    this.durability = queue?.durability
  }

  get client(): string {
    return this.connection.client
  }

  stored(_queue: string, _id: number, _position: number, _count: number, _isDuplicate: boolean): void {}

  dropped(_queue: string, _id: number, _count: number): void {}

  /** Its publisher is told whether it asked or not: one frame for as many as were refused together. */
  refused(_queue: string, id: number, count: number, error: BrokerError): void {
    const { connection } = this
    if (!connection.isPresent) return
    const { messageId: mid } = this
    const { details, ...rest } = error.toBody()
    const body = { ...rest, details: { ...details, ...(mid === undefined ? {} : { mid }), ...(count === 1 ? {} : { count }) } }
    this.core.send(connection, { kind: Kind.error, ref: id, body })
  }
}

/** Messages whose publisher asked for a receipt of each when it is accepted: by a queue, that is when it is stored. */
export class ReceiptIntake extends RunIntake {
  /** Set when it was delivered to all. */
  receivers = 0

  override stored(queue: string, id: number, position: number, count: number, isDuplicate: boolean): void {
    if (this.connection.isPresent) this.core.storedReceipts.add(this.connection, id, count, this.receivers, queue, position, isDuplicate)
  }

  override dropped(_queue: string, id: number, count: number): void {
    const { connection, receivers } = this
    for (let ref = id; ref < id + count && connection.isPresent; ref++) this.core.send(connection, { kind: Kind.receipt, ref, body: { receivers, dropped: { overflow: 1 } } })
  }
}

/** One message whose publisher asked for the fates of all deliveries: `watch` tells them, and where it is stored. */
export class FatesIntake extends RunIntake {
  readonly #watch: ReceiptWatch

  constructor(core: Core, connection: Connection, id: number, options: IntakeOptions, watch: ReceiptWatch) {
    super(core, connection, id, options)
    this.#watch = watch
  }

  override stored(queue: string, _id: number, position: number, _count: number, isDuplicate: boolean): void {
    this.#watch.storedAt = storedAt(queue, position, isDuplicate)
  }

  override refused(queue: string, id: number, count: number, error: BrokerError): void {
    // The error is the answer.
    this.#watch.isRefused = true
    super.refused(queue, id, count, error)
  }
}

/** One message of a client whose protocol has a subject for answers instead of receipts. */
export class AnsweredIntake extends RunIntake {
  readonly #reply: string
  readonly #answers: StoreAnswers

  constructor(core: Core, connection: Connection, id: number, options: IntakeOptions, reply: string, answers: StoreAnswers) {
    super(core, connection, id, options)
    this.#reply = reply
    this.#answers = answers
  }

  override stored(queue: string, _id: number, position: number, _count: number, isDuplicate: boolean): void {
    this.#tell(this.#answers.stored(queue, position, isDuplicate))
  }

  override dropped(queue: string): void {
    this.#tell(this.#answers.dropped(queue))
  }

  override refused(queue: string, _id: number, _count: number, error: BrokerError): void {
    this.#tell(this.#answers.refused(queue, error))
  }

  #tell(payload: Uint8Array): void {
    const { connection } = this
    if (connection.isPresent) this.core.send(connection, { kind: Kind.response, flags: PayloadType.bytes, replyTo: this.#reply, payload })
  }
}

function storedAt(queue: string, position: number, isDuplicate: boolean): StoredAt {
  return { queue, position, ...(isDuplicate ? { duplicate: true } : {}) }
}
