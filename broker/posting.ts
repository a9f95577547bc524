// Messages that are no plain publishes: checked, read for what they ask, published or requested, and answered by a receipt where they
// want one. One at a time, but for runs of those that want a receipt and nothing else.

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import { BrokerError } from './ground/errors.ts'
import { Flag, Kind, kindName } from './ground/kind.ts'
import { Slice } from './ground/slice.ts'
import { ReceiptIntake } from './message-intake.ts'
import { applyOptions, detailsOf, readOptions, type Asked, type MessageOptions } from './message-options.ts'
import type { Prepared } from './preparation.ts'
import type { Publisher } from './publisher.ts'
import { intakeOf } from './queueing.ts'
import type { Requester } from './requester.ts'
import type { Route } from './routing/route.ts'
import { follow, traceOf } from './tracing.ts'
import { checkPayloadSize, checkSender, checkSignature, stamp } from './vetting.ts'
import { decodeFrame, type Frame, type Headers } from './wire/frame.ts'
import { readUint53 } from './wire/integers.ts'
import { MAX_ID, Offset } from './wire/layout.ts'
import { frameEnd } from './wire/regroup.ts'

const ACCEPTED_FLAGS = Flag.payloadType | Flag.headers | Flag.signed | Flag.receipt | Flag.many

/** What a message of a run asks. */
const receiptAsked: Asked = { flags: Flag.receipt, options: readOptions(undefined), zstd: undefined, authorisedMicros: 0 }

export class Posting {
  readonly #core: Core
  readonly #publisher: Publisher
  readonly #requester: Requester
  readonly #acceptedFlags: number

  constructor(core: Core, publisher: Publisher, requester: Requester) {
    this.#core = core
    this.#publisher = publisher
    this.#requester = requester
    this.#acceptedFlags = core.settings.ipc.performance.compressionEnabled ? ACCEPTED_FLAGS | Flag.compressed : ACCEPTED_FLAGS
  }

  /** One canonical frame of a connection that is ready; see Ingress. `prepared`: what threads have found out about it. */
  message(connection: Connection, bytes: Uint8Array, start: number, end: number, timeMicros: number, isVerified: boolean, prepared: Prepared | undefined): void {
    const core = this.#core
    const kind = bytes[start + Offset.kind]!
    const id = readUint53(bytes, start + Offset.id)
    const flags = (bytes[start + Offset.flags]! << 8) | bytes[start + Offset.flags + 1]!
    if (!this.#publisher.takeIds(connection, id, 1)) return
    let options: MessageOptions
    try {
      if (id > MAX_ID) throw new BrokerError('frame.malformed', { problem: 'its id is above 2^53-1' })
      if (kind < Kind.publish || kind > Kind.error) throw new BrokerError('frame.unsupported', { feature: kindName(kind) })
      const unknownFlags = flags & ~this.#acceptedFlags
      if (unknownFlags !== 0) throw new BrokerError('frame.unsupported', { feature: `flags 0x${unknownFlags.toString(16)}` })
      if (prepared?.problem !== undefined) throw prepared.problem
      if (core.settings.ipc.security.validateSignature && !isVerified) checkSignature(connection, bytes, start, end, flags)
      const headers = (flags & Flag.headers) === 0 ? undefined : this.#headers(connection, decodeFrame(bytes, start, end), timeMicros)
      checkSender(connection, headers)
      options = readOptions(headers)
      const limitBytes = core.settings.ipc.performance.maxMessageBytes
      if (end - start > limitBytes) checkPayloadSize(bytes, start, end, limitBytes)
    } catch (error) {
      core.accounts.outside.rejected++
      core.refuse(connection, id, BrokerError.from(error))
      this.#publisher.giveBack(connection, bytes, start, end)
      core.traced = undefined
      return
    }
    core.wish = options.wish
    stamp(bytes, start, connection.number, timeMicros)
    const zstd = prepared?.zstd
    const asked: Asked = { flags, options, zstd, authorisedMicros: prepared === undefined ? 0 : core.clock.wallMicros() - timeMicros }
    if (kind === Kind.publish) this.#publish(connection, bytes, start, end, id, timeMicros, asked)
    else if (kind === Kind.request) this.#request(connection, bytes, start, end, id, timeMicros, asked)
    else this.#requester.answer(connection, bytes, start, end, id, timeMicros, zstd)
    core.traced = core.wish = undefined
  }

  /** A run of publishes that each ask for a receipt; see Ingress. */
  run(connection: Connection, bytes: Uint8Array, start: number, end: number, count: number, firstId: number, subjectStart: number, subjectEnd: number, timeMicros: number): void {
    if (firstId <= connection.lastId) {
      // Where a run begins is chance: what of it is new counts.
      for (let at = start, next; at < end; at = next) this.message(connection, bytes, at, (next = frameEnd(bytes, at)), timeMicros, false, undefined)
      return
    }
    if (!this.#publisher.takeIds(connection, firstId, count)) return
    const route = this.#publisher.route(connection, bytes, subjectStart, subjectEnd, firstId, count)
    if (route === undefined) return
    const { account, queue } = route.receivers
    // Where groups and filters pick, the receipts differ; the broker's methods answer otherwise.
    if (!route.isUniform || account === this.#core.accounts.methods) {
      let id = firstId
      for (let at = start, next; at < end; at = next) this.#publish(connection, bytes, at, (next = frameEnd(bytes, at)), id++, timeMicros, receiptAsked)
      return
    }
    if (!this.#publisher.allow(connection, route, firstId, count, end - start)) return
    const slice = new Slice(bytes, start, end, count, account)
    const intake = queue === undefined ? undefined : new ReceiptIntake(this.#core, connection, firstId)
    slice.intake = intake
    const receivers = this.#publisher.publish(connection, route, slice, firstId, timeMicros)
    this.#publisher.passedOn(connection, route)
    if (intake !== undefined) intake.receivers = receivers
    else if (connection.readsReceiptRuns) this.#core.send(connection, { kind: Kind.receipt, to: count - 1, ref: firstId, body: { receivers } })
    else for (let id = firstId; id < firstId + count; id++) this.#core.send(connection, { kind: Kind.receipt, ref: id, body: { receivers } })
  }

  #publish(connection: Connection, bytes: Uint8Array, start: number, end: number, id: number, timeMicros: number, asked: Asked): void {
    const subjectStart = start + Offset.subject
    const route = this.#publisher.admit(connection, bytes, subjectStart, subjectStart + bytes[subjectStart - 1]!, id, end - start)
    if (route === undefined) return
    const slice = new Slice(bytes, start, end, 1, route.receivers.account)
    slice.zstd = asked.zstd
    const watch = applyOptions(this.#core, connection, slice, id, asked)
    if (!this.#prepare(connection, route, slice, id, asked)) return this.#publisher.passedOn(connection, route)
    if (this.#core.deduplication.isRepeat(route, asked.options.mid)) return this.#repeated(connection, route, id, asked.flags)
    follow(this.#core.traced, slice)
    const receivers = this.#publisher.publish(connection, route, slice, id, timeMicros, detailsOf(asked))
    this.#publisher.passedOn(connection, route)
    this.#core.traced?.routed(receivers)
    if (watch !== undefined) watch.expect(receivers)
    // The broker's methods refuse what asks nothing: that is the answer.
    else if (route.receivers.account !== this.#core.accounts.methods) this.#receipt(connection, id, asked.flags, slice, receivers)
  }

  #request(connection: Connection, bytes: Uint8Array, start: number, end: number, id: number, timeMicros: number, asked: Asked): void {
    const subjectStart = start + Offset.longSubject
    const route = this.#publisher.route(connection, bytes, subjectStart, subjectStart + bytes[subjectStart - 1]!, id, 1)
    if (route === undefined || !this.#publisher.mayPublish(connection, route, id, 1)) return
    const slice = new Slice(bytes, start, end, 1, route.receivers.account)
    slice.zstd = asked.zstd
    const watch = applyOptions(this.#core, connection, slice, id, asked)
    if (!this.#prepare(connection, route, slice, id, asked)) return
    follow(this.#core.traced, slice)
    const receivers = this.#requester.request(connection, route, slice, id, timeMicros, detailsOf(asked))
    if (receivers === undefined) return
    this.#core.traced?.routed(receivers)
    if (watch === undefined) this.#receipt(connection, id, asked.flags, slice, receivers)
    else watch.expect(receivers)
  }

  // Acknowledged: whoever asks again because no receipt came learns that all is well.
  #repeated(connection: Connection, route: Route, id: number, flags: number): void {
    this.#publisher.passedOn(connection, route)
    if ((flags & Flag.receipt) !== 0) this.#core.send(connection, { kind: Kind.receipt, ref: id, body: { receivers: 0, duplicate: true } })
  }

  // False: it asks for what cannot be, and was refused.
  #prepare(connection: Connection, route: Route, slice: Slice, id: number, asked: Asked): boolean {
    const { queue, instances } = route.receivers
    const { options } = asked
    if (queue === undefined && options.queue === undefined && (instances === undefined || options.wish === undefined)) return true
    try {
      if (instances !== undefined && options.wish !== undefined) instances.check(options.wish)
      if (queue !== undefined || options.queue !== undefined) slice.intake = intakeOf(this.#core, connection, route, slice, id, asked)
      return true
    } catch (error) {
      slice.account.rejected++
      this.#core.refuse(connection, id, BrokerError.from(error))
      return false
    }
  }

  #headers(connection: Connection, frame: Frame, timeMicros: number): Headers | undefined {
    const { tracer, broker, incarnation } = this.#core
    if (tracer !== undefined) this.#core.traced = traceOf(tracer, connection, frame, `${broker}.${incarnation}`, timeMicros)
    return frame.headers
  }

  #receipt(connection: Connection, id: number, flags: number, { intake }: Slice, receivers: number): void {
    if (intake instanceof ReceiptIntake) intake.receivers = receivers
    else if ((flags & Flag.receipt) !== 0) this.#core.send(connection, { kind: Kind.receipt, ref: id, body: { receivers } })
  }
}
