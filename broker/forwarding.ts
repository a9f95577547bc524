// Forwards: messages that replace one on lease, checked as if they were published, to be appended in the step that acks it.

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import { BrokerError } from './ground/errors.ts'
import { Flag, Kind, kindName } from './ground/kind.ts'
import type { AppendWatch, Forward } from './ground/store.ts'
import type { ForwardEntry } from './protocol/queue-bodies.ts'
import type { Publisher } from './publisher.ts'
import { appendOf } from './queueing.ts'
import type { Queue } from './queues/queue.ts'
import type { Route } from './routing/route.ts'
import { Verdict } from './routing/route.ts'
import { checkPayloadSize, checkSender, checkSignature, stamp } from './vetting.ts'
import { isCanonical, rewrite } from './wire/canonical.ts'
import { decodeFrame } from './wire/frame.ts'
import { LENGTH_BYTES, Offset } from './wire/layout.ts'
import { frameEnd } from './wire/regroup.ts'
import { writeUint53 } from './wire/integers.ts'

/** What a frame may say that nobody publishes by itself. */
const ACCEPTED_FLAGS = Flag.payloadType | Flag.headers | Flag.signed

export class Forwarding {
  readonly #core: Core
  readonly #publisher: Publisher

  constructor(core: Core, publisher: Publisher) {
    this.#core = core
    this.#publisher = publisher
  }

  /**
   * What the store is to do for each entry. The frames get the number of the settle frame `id` that they came in.
   * @throws BrokerError for the first frame that could not be published, or goes to no queue; `queue.unsupported` where the store cannot, `store.*` where it is away
   */
  prepare(connection: Connection, queue: Queue, id: number, entries: readonly ForwardEntry[]): Forward[] {
    if (queue.present.forward === undefined) throw new BrokerError('queue.unsupported', { backend: this.#core.settings.store.backend, queue: queue.name, feature: `forward messages of queue "${queue.name}" in one step` })
    return entries.map(({ position, attempt, frames }) => ({ position, attempt, to: frames.map((frame) => this.#target(connection, id, frame)) }))
  }

  #target(connection: Connection, id: number, frame: Uint8Array): Forward['to'][number] {
    const { ipc } = this.#core.settings
    const bytes = canonical(frame)
    const flags = (bytes[Offset.flags]! << 8) | bytes[Offset.flags + 1]!
    const kind = bytes[Offset.kind]!
    if (kind !== Kind.publish) throw new BrokerError('frame.unsupported', { feature: `forwarding a ${kindName(kind)}` })
    if ((flags & ~ACCEPTED_FLAGS) !== 0) throw new BrokerError('frame.unsupported', { feature: `flags 0x${(flags & ~ACCEPTED_FLAGS).toString(16)} in a forward` })
    if (ipc.security.validateSignature) checkSignature(connection, bytes, 0, bytes.length, flags)
    const { headers } = decodeFrame(bytes, 0, bytes.length)
    checkSender(connection, headers)
    const limitBytes = ipc.performance.maxMessageBytes
    if (bytes.length > limitBytes) checkPayloadSize(bytes, 0, bytes.length, limitBytes)
    const queue = this.#queueOf(connection, this.#core.routes.find(bytes, Offset.subject, Offset.subject + bytes[Offset.subjectLength]!))
    writeUint53(bytes, Offset.id, id)
    stamp(bytes, 0, connection.number, this.#core.clock.wallMicros())
    return { queue: queue.name, append: appendOf(this.#core, connection, queue, bytes, 0, bytes.length, headers, new ForwardWatch(this.#core, connection, queue, id)) }
  }

  #queueOf(connection: Connection, route: Route): Queue {
    const { subject, tokens } = route
    const permissions = connection.permissions!
    if (this.#publisher.verdict(permissions, route) !== Verdict.allowed) throw new BrokerError('permission.denied', { principal: permissions.name, action: 'publish to', subject })
    const queue = this.#core.queueOf(tokens)
    if (queue === undefined) throw new BrokerError('queue.consumer', { problem: `what is forwarded must go to a queue, and "${subject}" belongs to none` })
    return queue
  }
}

/** A forwarded message is accepted by its queue in the moment in which it is stored: before, it may still be that nothing happens. */
class ForwardWatch implements AppendWatch {
  readonly #core: Core
  readonly #connection: Connection
  readonly #queue: Queue
  readonly #id: number

  constructor(core: Core, connection: Connection, queue: Queue, id: number) {
    this.#core = core
    this.#connection = connection
    this.#queue = queue
    this.#id = id
  }

  stored(position: number, count: number, isDuplicate: boolean): void {
    const { account, number } = this.#queue
    account.accepted += count
    account.deliveries += count
    account.stored += count
    this.#connection.receivedMessages += count
    this.#core.queueHistory.kept(number, this.#connection.number, this.#id, position, count, isDuplicate)
  }

  // Whoever settles is told.
  dropped(): void {}

  refused(): void {}
}

// One whole frame in bytes of its own, which may be stamped.
function canonical(frame: Uint8Array): Uint8Array {
  if (frame.length < LENGTH_BYTES || frameEnd(frame, 0) !== frame.length) throw new BrokerError('frame.malformed', { problem: `a forwarded frame must be whole, with its length in front; got ${frame.length} bytes` })
  return isCanonical(frame, 0, frame.length) ? frame.slice() : rewrite(frame, 0, frame.length)
}
