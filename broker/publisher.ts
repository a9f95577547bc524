// Publishing: verdict, route, delivery, accounting and recorder, once per run.

import type { Backpressure } from './backpressure.ts'
import { Connection } from './connection.ts'
import type { Core } from './core.ts'
import { BrokerError } from './ground/errors.ts'
import { Kind } from './ground/kind.ts'
import { RunIntake } from './message-intake.ts'
import { Queue } from './queues/queue.ts'
import type { ServiceTarget } from './ground/registry.ts'
import { Slice, type Account, type Sink } from './ground/slice.ts'
import { isReserved } from './ground/subject.ts'
import { Verdict, type Route } from './routing/route.ts'
import type { Permissions } from './security/permissions.ts'
import { lazyMessage } from './selection.ts'
import { Offset } from './wire/layout.ts'
import { frameEnd } from './wire/regroup.ts'
import { Targets } from './targets.ts'
import type { RunDetails } from './observe/recorder.ts'

const text = new TextDecoder()

export class Publisher {
  readonly #core: Core
  readonly #backpressure: Backpressure

  constructor(core: Core, backpressure: Backpressure) {
    this.#core = core
    this.#backpressure = backpressure
  }

  /** A run of plain publishes; see Ingress. */
  run(connection: Connection, bytes: Uint8Array, start: number, end: number, count: number, firstId: number, subjectStart: number, subjectEnd: number, timeMicros: number): void {
    if (firstId <= connection.lastId && firstId + count - 1 > connection.lastId) {
      // Where a run begins is chance: what of it is new counts.
      const stale = connection.lastId - firstId + 1
      let newAt = start
      for (let i = 0; i < stale; i++) newAt = frameEnd(bytes, newAt)
      this.takeIds(connection, firstId, stale)
      return this.run(connection, bytes, newAt, end, count - stale, firstId + stale, subjectStart, subjectEnd, timeMicros)
    }
    if (!this.takeIds(connection, firstId, count)) return
    const route = this.route(connection, bytes, subjectStart, subjectEnd, firstId, count)
    if (route === undefined || !this.allow(connection, route, firstId, count, end - start)) return
    this.publish(connection, route, new Slice(bytes, start, end, count, route.receivers.account), firstId, timeMicros)
    this.passedOn(connection, route)
  }

  /** Takes the credit of messages and judges whether they may be published; false: they were refused. */
  allow(connection: Connection, route: Route, firstId: number, count: number, frameBytes: number): boolean {
    if (connection.credit !== undefined && !this.#takeCredit(connection, route, firstId, count, frameBytes)) return false
    if (this.mayPublish(connection, route, firstId, count)) return true
    this.passedOn(connection, route)
    return false
  }

  /** The route of one message and leave to publish it; undefined when it was refused. */
  admit(connection: Connection, bytes: Uint8Array, subjectStart: number, subjectEnd: number, id: number, frameBytes: number): Route | undefined {
    const route = this.route(connection, bytes, subjectStart, subjectEnd, id, 1)
    return route !== undefined && this.allow(connection, route, id, 1, frameBytes) ? route : undefined
  }

  /** What was published on the subject, or refused for good, uses no credit any more unless a receiver is behind. */
  passedOn(connection: Connection, route: Route): void {
    if (connection.credit !== undefined) this.#backpressure.grant(connection, connection.credit.passedOn(route.subject))
  }

  /** A publish was refused before it used credit: the sender, who took it off its own, gets it back. */
  giveBack(connection: Connection, bytes: Uint8Array, start: number, end: number): void {
    if (connection.credit === undefined || bytes[start + Offset.kind] !== Kind.publish) return
    const subjectAt = start + Offset.subject
    this.#backpressure.grant(connection, [[text.decode(bytes.subarray(subjectAt, subjectAt + bytes[subjectAt - 1]!)), end - start]])
  }

  /**
   * Delivers what was allowed; returns the receivers, summed over the slice's messages where groups or filters pick. `kind`
   * is what the recorder remembers.
   */
  publish(connection: Connection, route: Route, slice: Slice, firstId: number, timeMicros: number, details?: RunDetails, kind: number = Kind.publish): number {
    connection.receivedMessages += slice.count
    if (route.receivers.queue !== undefined) slice.intake ??= new RunIntake(this.#core, connection, firstId)
    if (!route.isUniform) return this.#toEach(connection, route, slice, firstId, timeMicros, details, kind)
    const { receivers } = route
    const expected = receivers.plain.length
    const core = this.#core
    // Recorded first: what is dropped on the way is noted at its position.
    core.record(timeMicros, connection.number, firstId, kind, route.subject, slice, expected, core.targetOf(receivers), receivers.exceptSender || !connection.echo)
    if (details !== undefined && slice.run >= 0) core.recorder.detail(details)
    const count = this.#toPlain(connection, route, slice)
    if (count !== expected) core.recorder.received(count)
    account(slice.account, slice.count, count)
    return count
  }

  /** Hands a slice to one receiver, and slows the sender when that one is behind; `subject` where it sends by credit. */
  deliver(connection: Connection, sink: Sink, slice: Slice, subject?: string): void {
    if (!sink.deliver(slice)) this.#stall(connection, sink, subject)
  }

  #stall(connection: Connection, sink: Sink, subject: string | undefined): void {
    if (sink instanceof Queue) return this.#core.queues.load.hold(connection)
    const receiver = sink instanceof Connection ? sink : this.#core.directory.number(sink.number)
    if (receiver !== undefined) this.#backpressure.stall(connection, receiver, subject)
  }

  #takeCredit(connection: Connection, route: Route, firstId: number, count: number, bytes: number): boolean {
    const credit = connection.credit!
    if (credit.spend(route.subject, bytes)) return true
    route.receivers.account.rejected += count
    this.#core.refuse(connection, firstId, new BrokerError('flow.no_credit', { actualBytes: bytes, subject: route.subject, creditBytes: credit.windowBytes }), count)
    return false
  }

  /** Ids must grow; false when the frames were refused for theirs. */
  takeIds(connection: Connection, firstId: number, count: number): boolean {
    if (firstId <= connection.lastId) {
      this.#core.accounts.outside.rejected += count
      this.#core.refuse(connection, firstId, new BrokerError('frame.id_order', { actual: firstId, previous: connection.lastId }), count)
      return false
    }
    connection.lastId = firstId + count - 1
    return true
  }

  /** The current route; undefined when the subject was refused. A connection's last route is tried first: 20 ns against 40. */
  route(connection: Connection, bytes: Uint8Array, subjectStart: number, subjectEnd: number, firstId: number, count: number): Route | undefined {
    const last = connection.lastRoute
    if (last !== undefined && last.isSubject(bytes, subjectStart, subjectEnd) && this.#core.routes.isCurrent(last)) return last
    try {
      return (connection.lastRoute = this.#core.routes.find(bytes, subjectStart, subjectEnd))
    } catch (error) {
      this.#core.accounts.outside.rejected += count
      this.#core.refuse(connection, firstId, BrokerError.from(error), count)
      return undefined
    }
  }

  /** The verdict, remembered in the route; false when the messages were refused. */
  mayPublish(connection: Connection, route: Route, firstId: number, count: number): boolean {
    const permissions = connection.permissions!
    const verdict = this.#verdictOf(connection, route)
    if (verdict === Verdict.allowed || (verdict === Verdict.denied && connection.replies?.takes(route.subject, count) === true)) return true
    route.receivers.account.rejected += count
    const error =
      verdict === Verdict.direction
        ? new BrokerError('channel.direction', { channel: this.#core.channels.owner(route.tokens)?.name, role: permissions.roles.join(', '), subject: route.subject })
        : new BrokerError('permission.denied', { principal: permissions.name, action: 'publish to', subject: route.subject })
    this.#core.refuse(connection, firstId, error, count)
    return false
  }

  /** The same of what it does not publish itself; nobody is told. */
  mayBeHeard(connection: Connection, route: Route): boolean {
    return this.#verdictOf(connection, route) === Verdict.allowed
  }

  #verdictOf(connection: Connection, route: Route): Verdict {
    const permissions = connection.permissions!
    return connection.answersFrames ? this.verdict(permissions, route) : (route.foreignVerdicts[permissions.index] ??= this.#judge(permissions, route, true))
  }

  /** Whether who has these permissions may publish there; judged once for each route. */
  verdict(permissions: Permissions, route: Route): Verdict {
    return (route.verdicts[permissions.index] ??= this.#judge(permissions, route))
  }

  #judge(permissions: Permissions, route: Route, isForeign = false): Verdict {
    const { tokens } = route
    if (!permissions.mayPublish(tokens)) return Verdict.denied
    if (isReserved(tokens) && (tokens[0] === '$CB' || !isForeign)) return tokens[0] === '$CB' && ['to', 'all', 'api'].includes(tokens[1] ?? '') ? Verdict.allowed : Verdict.denied
    const isBound = !permissions.has('agent') && !permissions.has('system')
    return isBound && this.#core.channels.owner(tokens)?.direction === 'subscribe' ? Verdict.direction : Verdict.allowed
  }

  // Every receiver gets the same slice.
  #toPlain(connection: Connection, route: Route, slice: Slice): number {
    const { plain, exceptSender } = route.receivers
    const skipsSender = exceptSender || !connection.echo
    let receivers = 0
    for (let i = 0; i < plain.length; i++) {
      const sink = plain[i]!
      if (skipsSender && sink.number === connection.number) continue
      receivers++
      if (!sink.deliver(slice)) this.#stall(connection, sink, route.subject)
    }
    return receivers
  }

  // Groups pick a member for each message, filters look into each: each is recorded by itself.
  #toEach(connection: Connection, route: Route, run: Slice, firstId: number, timeMicros: number, details: RunDetails | undefined, kind: number): number {
    const { bytes } = run
    let sum = 0
    let id = firstId
    for (let start = run.start; start < run.end; ) {
      const end = run.foreign === undefined ? frameEnd(bytes, start) : run.foreign.messageEnd(bytes, start)
      const slice = run.count === 1 ? run : run.part(bytes, start, end, 1)
      if (run.intake !== undefined && slice !== run) slice.intake = new RunIntake(this.#core, connection, id)
      const targets = this.targets(connection, route, slice)
      this.record(connection, route, slice, kind, id++, timeMicros, targets.sinks, details)
      for (let i = 0; i < targets.sinks.length; i++) this.deliver(connection, targets.sinks[i]!, targets.sliceFor(i), route.subject)
      account(run.account, 1, targets.sinks.length)
      sum += targets.sinks.length
      start = end
    }
    return sum
  }

  /** Records one message for the receivers that were picked for it. */
  record(connection: Connection, route: Route, slice: Slice, kind: number, id: number, timeMicros: number, sinks: readonly Sink[], details: RunDetails | undefined): void {
    const core = this.#core
    const target = sinks.length <= 1 ? (sinks[0]?.number ?? 0) : -core.recorder.snapshots.add(sinks)
    core.record(timeMicros, connection.number, id, kind, route.subject, slice, sinks.length, target, false)
    if (details !== undefined && slice.run >= 0) core.recorder.detail(details)
  }

  /** Who gets one message, and as what: everybody plain, and those whom groups and filters pick. */
  targets(connection: Connection, route: Route, slice: Slice): Targets {
    const { plain, exceptSender, instances } = route.receivers
    if (instances !== undefined) return this.#chosen(connection, instances, slice)
    const sinks = exceptSender || !connection.echo ? plain.filter((sink) => sink.number !== connection.number) : plain.slice()
    const targets = new Targets(sinks, slice)
    if (!route.isUniform) this.#pick(connection, route, slice, (sink, subscription) => targets.add(sink, subscription))
    return targets
  }

  #chosen(connection: Connection, instances: ServiceTarget, slice: Slice): Targets {
    const instance = instances.choose(this.#core.wish, connection.client, connection.echo ? 0 : connection.number)
    const targets = new Targets(instance?.sink === undefined ? [] : [instance.sink], slice)
    targets.instance = instance
    return targets
  }

  /**
   * Calls `take` for each receiver that is chosen for one message; `subscription` is the number of a group's member that
   * wants to be told it.
   */
  #pick(connection: Connection, route: Route, slice: Slice, take: (sink: Sink, subscription: number | undefined) => void): void {
    const { groups, filtered, counting } = route.receivers
    const message = lazyMessage(slice, route.subject, connection.client)
    const isOwn = (sink: Sink): boolean => sink.number === connection.number && !connection.echo
    for (const subscriber of counting) if (subscriber.wants === true && !isOwn(subscriber)) take(subscriber, undefined)
    for (const group of groups) {
      const member = group.pick(
        ({ subscriber, filter }) => !isOwn(subscriber) && subscriber.mayReceive(route.tokens) && (subscriber.isCounting !== true || subscriber.wants === true) && (filter === undefined || filter.test(message)),
      )
      if (member !== undefined) take(member.subscriber, member.subscriber.answersFrames ? member.number : undefined)
    }
    for (const { subscriber, subscriptions } of filtered) {
      if (isOwn(subscriber)) continue
      if (subscriptions.some((subscription) => subscription.filter!.test(message))) take(subscriber, undefined)
    }
  }
}

/** Accounts for `count` accepted messages with `receivers` each; nobody there is a fate too. */
export function account(account: Account, count: number, receivers: number): void {
  account.accepted += count
  if (receivers > 0) account.deliveries += count * receivers
  else {
    account.deliveries += count
    account.dropped['no-interest'] += count
  }
}
