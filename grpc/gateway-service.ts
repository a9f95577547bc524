// The four methods of callboard.v1.GatewayService.

import type { Metadata, sendUnaryData, ServerUnaryCall, UntypedServiceImplementation } from '@grpc/grpc-js'
import type { Deadlines } from '../broker/ground/deadlines.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import { Kind } from '../broker/ground/kind.ts'
import type { ConnectionEnd } from './connection-end.ts'
import { EventStream, type EventCall } from './event-stream.ts'
import type { Names } from './events.ts'
import { proofOf, type Admitted, type Gate } from './gate.ts'
import { brokerHealth, serviceHealth } from './health.ts'
import type { AgentInfo, HealthRequest, HealthStatus, Message, RegistrationResult, SendResult, Topic } from './messages.ts'
import { MAX_LEASE_MS, MIN_LEASE_MS, Registrations } from './registrations.ts'
import { answerFrame, send } from './sending.ts'
import { statusOf } from './status.ts'

export interface ServiceParts {
  readonly gate: Gate
  readonly names: Names
  readonly deadlines: Deadlines
  readonly version: string
  /** Most bytes of answers that one call collects. */
  readonly maxAnswerBytes: number
}

/** The number that a stream's first subscription has on its connection. */
const FIRST_SUBSCRIPTION = 1

interface Listening {
  readonly end: ConnectionEnd
  readonly stream: EventStream
}

export class GatewayService {
  readonly #parts: ServiceParts
  readonly #registrations: Registrations
  /** Streams by the number of their connection, for answers to the requests that they got. */
  readonly #listening = new Map<number, Listening>()

  constructor(parts: ServiceParts) {
    this.#parts = parts
    this.#registrations = new Registrations(parts.deadlines)
  }

  /** Handlers for the library. */
  get handlers(): UntypedServiceImplementation {
    return {
      RegisterAgent: (call: ServerUnaryCall<AgentInfo, RegistrationResult>, done: sendUnaryData<RegistrationResult>) => void answer(done, this.#register(call)),
      SendMessage: (call: ServerUnaryCall<Message, SendResult>, done: sendUnaryData<SendResult>) => void answer(done, this.#send(call)),
      HealthCheck: (call: ServerUnaryCall<HealthRequest, HealthStatus>, done: sendUnaryData<HealthStatus>) => void answer(done, this.#health(call)),
      Subscribe: (call: EventCall) => void this.#subscribe(call).catch((error: unknown) => call.emit('error', statusOf(error))),
    }
  }

  async #register({ request: info, metadata }: ServerUnaryCall<AgentInfo, RegistrationResult>): Promise<RegistrationResult> {
    const { caller, principal } = this.#parts.gate.of(metadata)
    const { leaseMs } = info
    if (leaseMs !== 0 && (leaseMs < MIN_LEASE_MS || leaseMs > MAX_LEASE_MS)) throw new BrokerError('grpc.bad_message', { problem: `lease_ms is ${leaseMs}, expected 0 or ${MIN_LEASE_MS}..${MAX_LEASE_MS}` })
    let registration = this.#registrations.same(caller, principal, info)
    if (registration === undefined) {
      const end = await caller.open(metadata, {})
      registration = await this.#registrations.add(caller, end, info)
    } else {
      await registration.update(info)
    }
    return { registrationId: registration.id, name: info.name, instance: registration.instance, leaseMs, connection: `conn-${registration.end.welcome!.origin}` }
  }

  async #send(call: ServerUnaryCall<Message, SendResult>): Promise<SendResult> {
    const { metadata, request: message } = call
    const { gate, names, maxAnswerBytes } = this.#parts
    const admitted = gate.of(metadata)
    if (message.to === 'replyTo') return this.#answer(message, metadata, admitted)
    const end = message.registrationId === '' ? admitted.end! : this.#registrations.find(message.registrationId, admitted.principal).end
    const deadline = call.getDeadline()
    const sent = send({ end, message, metadata, deadline: deadline instanceof Date ? deadline.getTime() : deadline, names, maxAnswerBytes })
    // Also told when all is over: nothing is taken back then.
    call.on('cancelled', () => sent.cancel())
    return sent.result
  }

  #answer(message: Message, metadata: Metadata, { principal }: Admitted): SendResult {
    const [connection, origin, id] = message.replyTo!.split('.').map(Number)
    const listening = this.#listening.get(connection!)
    const isOpen = listening?.end.welcome!.principal === principal && listening.stream.isOpen(origin!, id!)
    if (!isOpen) throw new BrokerError('request.not_open', { ref: message.replyTo, to: '' })
    // An answer that is refused here leaves the request open for a better one.
    listening.end.send(answerFrame(message, metadata, origin!, id!))
    if (message.kind !== 'KIND_PART') listening.stream.answered(origin!, id!)
    return {}
  }

  async #health({ metadata, request }: ServerUnaryCall<HealthRequest, HealthStatus>): Promise<HealthStatus> {
    const { gate, version } = this.#parts
    const { end, principal } = gate.of(metadata)
    const { service, instance, registrationId, report } = request
    let leaseMs = 0
    if (registrationId !== '') {
      const registration = this.#registrations.find(registrationId, principal)
      await registration.report(report)
      leaseMs = registration.info.leaseMs
    }
    const status = service === '' ? await brokerHealth(end!) : await serviceHealth(end!, service, instance)
    return { ...status, version, leaseMs }
  }

  async #subscribe(call: EventCall): Promise<void> {
    const { metadata, request: topic } = call
    const { gate, names, deadlines } = this.#parts
    const admitted = gate.of(metadata)
    const registration = topic.registrationId === '' ? undefined : this.#registrations.find(topic.registrationId, admitted.principal)
    const patterns = patternsOf(topic, names)
    if (patterns.length === 0 && registration === undefined) throw bad('a topic needs subject, channel or registration_id')
    // On another HTTP/2 connection than the registration's nothing but the token was looked at so far.
    if (registration !== undefined && registration.caller !== admitted.caller) await admitted.caller.unary(metadata)
    if (registration?.end.isOver === true) throw new BrokerError('grpc.unknown_registration', { registration: registration.id })
    const end = registration?.end ?? await admitted.caller.open(metadata, flowOf(topic))
    if (call.cancelled) return registration === undefined ? end.hangUp() : undefined
    registration?.take()
    const { origin } = end.welcome!
    let isOver = false
    const stream = new EventStream({ call, end, names, deadlines, reset: admitted.reset, replyTo: (from, id) => `${origin}.${from}.${id}` })
    this.#listening.set(origin, { end, stream })
    const over = async (): Promise<void> => {
      isOver = true
      stream.over()
      this.#listening.delete(origin)
      if (registration === undefined) return end.hangUp()
      if (end.isOver) return
      for (const number of patterns.keys()) end.control(Kind.unsubscribe, undefined, { ref: FIRST_SUBSCRIPTION + number })
      // What was on its way to the stream is lost with it; the connection must not wait for it, nor give that stream more.
      end.receiveBy(undefined)
      stream.failOpen()
      end.taken()
      registration.release()
      await registration.listen(undefined).catch(() => {})
    }
    // Told for every end of the call.
    call.on('cancelled', () => void over())
    end.receiveBy(stream)
    const more = { ...(topic.group === '' ? {} : { group: topic.group }), ...(topic.filter === '' ? {} : { filter: topic.filter }) }
    await Promise.all(patterns.map((pattern, number) => subscribe(end, FIRST_SUBSCRIPTION + number, { pattern, ...more })))
    if (isOver) return
    const started = proofOf(end.welcome!.mac)
    started.set('callboard-connection', `conn-${origin}`)
    started.set('callboard-client', end.client)
    stream.start(started)
    await registration?.listen(stream)
  }
}

async function answer<T>(done: sendUnaryData<T>, result: Promise<T>): Promise<void> {
  let value: T
  try {
    value = await result
  } catch (error) {
    return done(statusOf(error))
  }
  done(null, value)
}

function subscribe(end: ConnectionEnd, number: number, body: object): Promise<void> {
  return new Promise((resolve, reject) => {
    const answered = (): true => {
      resolve()
      return true
    }
    end.control(Kind.subscribe, body, { ref: number, waiter: { answered, failed: reject } })
  })
}

// A channel is its own subject and everything below it.
function patternsOf({ of, subject = '', channel = '' }: Topic, names: Names): readonly string[] {
  if (of === undefined) return []
  if (of === 'subject') return [subject]
  names.checkChannel(channel)
  return [channel, `${channel}.>`]
}

function flowOf({ flow }: Topic): object {
  if (flow === null) return {}
  const { overflow, maxPendingBytes, maxPendingMessages } = flow
  return { flow: { ...(overflow === '' ? {} : { overflow }), ...(maxPendingBytes === 0 ? {} : { maxPendingBytes }), ...(maxPendingMessages === 0 ? {} : { maxPendingMessages }) } }
}

function bad(problem: string): BrokerError {
  return new BrokerError('grpc.bad_message', { problem })
}
