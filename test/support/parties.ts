// One client of each kind behind the same few words, so that a story can be told for every pair of them.

import { decode } from '@msgpack/msgpack'
import { headers as natsHeaders, type Msg, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node'
import type { Client } from '../../client/index.ts'
import { BrokerError } from '../../client/index.ts'
import { MessageQueue } from '../../client/message-queue.ts'
import type { BrokerAccess } from './broker.ts'
import type { GatewayPeer } from './gateway-peer.ts'
import type { JsonPeer } from './json-peer.ts'
import { connectNats } from './nats-client.ts'
import type { Teardown } from './temporary-directory.ts'

export type PartyKind = 'sdk' | 'gateway' | 'json' | 'nats'
export const partyKinds: readonly PartyKind[] = ['sdk', 'gateway', 'json', 'nats']

/** A message as whoever got it sees it. */
export interface Heard {
  readonly subject: string
  readonly value: unknown
  /** Of the application. */
  readonly headers: Readonly<Record<string, unknown>>
  /** Its sender's own id. */
  readonly mid: string | undefined
  /** Client id; of those whom the SDK alone hears, the number of the connection. */
  readonly sender: string
}

/** How a request ended. */
export interface Answer {
  readonly parts: readonly unknown[]
  /** undefined: it failed. */
  readonly value?: unknown
  readonly headers?: Readonly<Record<string, unknown>>
  /** Code of the failure: of the application's, where it gave one. */
  readonly code?: string
}

/** What a responder does with a request: a few parts, then an answer or a failure. */
export interface Behaviour {
  readonly parts?: readonly unknown[]
  readonly value?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly fails?: { readonly code: string; readonly message: string }
}

interface SendOptions {
  readonly headers?: Readonly<Record<string, string>>
  readonly mid?: string
}

export interface Party {
  /** Client id. */
  readonly client: string
  /** Number of its connection. */
  readonly origin: number
  /** What it hears comes by `next`; the broker knows it when this resolves. */
  subscribe(pattern: string, group?: string): Promise<void>
  next(): Promise<Heard>
  publish(subject: string, value: unknown, options?: SendOptions): Promise<void>
  request(subject: string, value: unknown, options?: SendOptions): Promise<Answer>
  /** Answers requests on the subject; what it was asked comes by `next`. */
  serve(subject: string, behave: (value: unknown) => Behaviour, group?: string): Promise<void>
}

export async function joinAs(kind: PartyKind, t: Teardown, broker: BrokerAccess): Promise<Party> {
  switch (kind) {
    case 'sdk': return new SdkParty(await broker.connect())
    case 'gateway': return new GatewayParty(await broker.joinGateway())
    case 'json': return new JsonLinesParty(await broker.json())
    case 'nats': return NatsParty.join(t, broker)
  }
}

class SdkParty implements Party {
  readonly #client: Client
  readonly #heard = new MessageQueue<Heard>()

  constructor(client: Client) {
    this.#client = client
  }

  get client(): string {
    return this.#client.welcome.client
  }

  get origin(): number {
    return this.#client.welcome.origin
  }

  async subscribe(pattern: string, group?: string): Promise<void> {
    await this.#client.subscribe(pattern, { onMessage: message => this.#heard.push(this.#heardOf(message)), ...(group === undefined ? {} : { group }) }).ready
  }

  next(): Promise<Heard> {
    return nextOf(this.#heard)
  }

  async publish(subject: string, value: unknown, { headers, mid }: SendOptions = {}): Promise<void> {
    await this.#client.publish(subject, value, { receipt: true, ...(headers === undefined ? {} : { headers }), ...(mid === undefined ? {} : { mid }) })
  }

  async request(subject: string, value: unknown, { headers, mid }: SendOptions = {}): Promise<Answer> {
    const parts: unknown[] = []
    try {
      let last: Answer = { parts }
      for await (const message of this.#client.stream(subject, value, { timeoutMs: 60_000, ...(headers === undefined ? {} : { headers }), ...(mid === undefined ? {} : { mid }) })) {
        if (message.isLast) last = { parts, value: message.value, headers: { ...message.headers } }
        else parts.push(message.value)
      }
      return last
    } catch (error) {
      const { code, details } = BrokerError.from(error)
      return { parts, code: String(details['code'] ?? code) }
    }
  }

  async serve(subject: string, behave: (value: unknown) => Behaviour, group?: string): Promise<void> {
    await this.#client.subscribe(subject, {
      ...(group === undefined ? {} : { group }),
      onMessage: async message => {
        this.#heard.push(this.#heardOf(message))
        const { parts = [], value, headers, fails } = behave(message.value)
        for (const part of parts) await message.part(part)
        if (fails !== undefined) await message.fail(fails.code, fails.message)
        else await message.respond(value, headers === undefined ? {} : { headers })
      },
    }).ready
  }

  #heardOf({ subject, value, headers, origin }: { subject: string; value: unknown; headers: Readonly<Record<string, unknown>> | undefined; origin: number }): Heard {
    const { mid, sender, replyTo: _, ...others } = headers ?? {}
    return { subject, value, headers: others, mid: mid as string | undefined, sender: (sender as string | undefined) ?? String(origin) }
  }
}

/** What both kinds of JSON clients say and hear. */
abstract class EnvelopeParty implements Party {
  abstract readonly client: string
  abstract readonly origin: number
  protected readonly peer: JsonPeer | GatewayPeer
  readonly #heard = new MessageQueue<Heard>()
  readonly #open = new Map<string, (envelope: Envelope) => void>()
  readonly #served: [subject: string, behave: (value: unknown) => Behaviour][] = []
  #lastId = 0

  constructor(peer: JsonPeer | GatewayPeer) {
    this.peer = peer
    void this.#listen()
  }

  next(): Promise<Heard> {
    return nextOf(this.#heard)
  }

  async subscribe(subject: string, group?: string): Promise<void> {
    await this.call({ type: 'subscribe', subject, ...(group === undefined ? {} : { group }) }, 'ok')
  }

  async publish(subject: string, payload: unknown, { headers, mid }: SendOptions = {}): Promise<void> {
    await this.call({ type: 'event', subject, payload, receipt: true, ...(headers === undefined ? {} : { headers }) }, 'receipt', mid)
  }

  async request(subject: string, payload: unknown, { headers, mid }: SendOptions = {}): Promise<Answer> {
    return this.asked({ type: 'request', subject, payload, timeout: 60_000, ...(headers === undefined ? {} : { headers }) }, mid)
  }

  async serve(subject: string, behave: (value: unknown) => Behaviour, group?: string): Promise<void> {
    this.#served.push([subject, behave])
    // What is sent to it by an address comes unasked.
    if (!subject.startsWith('$CB.')) await this.subscribe(subject, group)
  }

  /** Says it under an id of its own; the answer, which must be of that type. */
  protected async call(envelope: object, type: string, mid?: string): Promise<Envelope> {
    const id = mid ?? `own-${++this.#lastId}`
    const answer = new Promise<Envelope>(resolve => this.#open.set(id, resolve))
    this.peer.say({ ...envelope, id })
    const got = await answer
    this.#open.delete(id)
    if (got['type'] !== type) throw new Error(`expected ${type}, got ${JSON.stringify(got)}`)
    return got
  }

  protected asked(envelope: object, mid?: string): Promise<Answer> {
    const id = mid ?? `own-${++this.#lastId}`
    const parts: unknown[] = []
    return new Promise(resolve => {
      this.#open.set(id, got => {
        if (got['type'] === 'part' || got['type'] === 'event') return void parts.push(got['payload'])
        this.#open.delete(id)
        const error = (got['error'] ?? (got['type'] === 'error' ? got['payload'] : undefined)) as { code: string; details?: { code?: string } } | undefined
        resolve(error === undefined ? { parts, value: got['payload'], headers: (got['headers'] ?? {}) as Heard['headers'] } : { parts, code: error.details?.code ?? error.code })
      })
      this.peer.say({ ...envelope, id })
    })
  }

  async #listen(): Promise<void> {
    for (;;) {
      let envelope: Envelope
      try {
        envelope = await this.peer.next()
      } catch {
        return
      }
      const { type, ref, id } = envelope
      const waiting = this.#open.get(String(ref ?? (type === 'res' || envelope['event'] === 'part' ? id : undefined)))
      if (waiting !== undefined) waiting(envelope)
      else if (type === 'event' && envelope['subject'] !== undefined) this.#heard.push(heardOfEnvelope(envelope))
      else if (type === 'request') this.#answer(envelope)
    }
  }

  #answer(envelope: Envelope): void {
    const heard = heardOfEnvelope(envelope)
    this.#heard.push(heard)
    const behave = this.#served.find(([subject]) => subject === heard.subject)?.[1]
    if (behave === undefined) return
    const { parts = [], value, headers, fails } = behave(heard.value)
    const ref = envelope['replyTo']
    for (const payload of parts) this.peer.say({ type: 'part', ref, payload })
    if (fails !== undefined) this.peer.say({ type: 'error', ref, payload: { ...fails, retryable: false } })
    else this.peer.say({ type: 'response', ref, payload: value, ...(headers === undefined ? {} : { headers }) })
  }
}

type Envelope = Readonly<Record<string, unknown>>

function heardOfEnvelope({ subject, payload, headers, id, sender }: Envelope): Heard {
  const { replyTo: _, ...others } = (headers ?? {}) as Record<string, unknown>
  // Who gave it no id of its own has it named by the broker.
  return { subject: String(subject), value: payload, headers: others, mid: /^[^.]+\.\d+\.\d+\.\d+$/.test(String(id)) ? undefined : String(id), sender: String(sender) }
}

class JsonLinesParty extends EnvelopeParty {
  readonly client: string
  readonly origin: number

  constructor(peer: JsonPeer) {
    super(peer)
    this.client = String(peer.welcome['client'])
    this.origin = Number(peer.welcome['origin'])
  }
}

class GatewayParty extends EnvelopeParty {
  readonly client: string
  readonly origin: number

  constructor(peer: GatewayPeer) {
    super(peer)
    this.client = String(peer.helloOk['client'])
    this.origin = Number(peer.helloOk['origin'])
  }

  override async publish(subject: string, payload: unknown, { headers, mid }: SendOptions = {}): Promise<void> {
    if (mid === undefined) await this.call({ type: 'req', method: 'publish', params: { subject, payload, ...(headers === undefined ? {} : { headers }) } }, 'res')
    else await super.publish(subject, payload, { mid, ...(headers === undefined ? {} : { headers }) })
  }

  override request(subject: string, payload: unknown, { headers, mid }: SendOptions = {}): Promise<Answer> {
    if (mid !== undefined) return super.request(subject, payload, { mid, ...(headers === undefined ? {} : { headers }) })
    return this.asked({ type: 'req', method: 'request', params: { subject, payload, timeoutMs: 60_000, ...(headers === undefined ? {} : { headers }) } })
  }
}

/** Headers of the protocol itself, which say nothing of the application. */
const NATS_OWN = /^(?:Callboard-|Nats-|Content-Type$)/

class NatsParty implements Party {
  readonly client: string
  readonly origin: number
  readonly #connection: NatsConnection
  readonly #heard = new MessageQueue<Heard>()
  #lastInbox = 0

  private constructor(connection: NatsConnection) {
    this.#connection = connection
    this.origin = connection.info!.client_id
    this.client = `plain-${this.origin}`
  }

  static async join(t: Teardown, broker: BrokerAccess): Promise<NatsParty> {
    const connection = await connectNats(t, broker.nats, { user: 'owner', pass: broker.token, name: 'plain' })
    return new NatsParty(connection)
  }

  async subscribe(pattern: string, group?: string): Promise<void> {
    this.#connection.subscribe(pattern, { callback: (_error, message) => this.#heard.push(heardOfNats(message)), ...(group === undefined ? {} : { queue: group }) })
    await this.#connection.flush()
  }

  next(): Promise<Heard> {
    return nextOf(this.#heard)
  }

  async publish(subject: string, value: unknown, options: SendOptions = {}): Promise<void> {
    this.#connection.publish(subject, JSON.stringify(value), { headers: sentHeaders(options) })
    await this.#connection.flush()
  }

  // By hand, as the library's own request takes the first message for the answer.
  async request(subject: string, value: unknown, options: SendOptions = {}): Promise<Answer> {
    const inbox = `_INBOX.${this.client}.${++this.#lastInbox}`
    const answers = this.#connection.subscribe(inbox)
    this.#connection.publish(subject, JSON.stringify(value), { headers: sentHeaders(options), reply: inbox })
    const parts: unknown[] = []
    try {
      for await (const message of answers) {
        if (message.headers?.code === 503) return { parts, code: 'request.no_responders' }
        if (message.headers?.has('Callboard-Part') === true) parts.push(valueOf(message))
        else if (message.headers?.has('Nats-Service-Error') === true) return { parts, code: message.headers.get('Callboard-Error') || message.headers.get('Nats-Service-Error-Code') }
        else return { parts, value: valueOf(message), headers: applicationHeaders(message.headers) }
      }
    } finally {
      answers.unsubscribe()
    }
    throw new Error('the connection ended')
  }

  async serve(subject: string, behave: (value: unknown) => Behaviour, group?: string): Promise<void> {
    this.#connection.subscribe(subject, {
      ...(group === undefined ? {} : { queue: group }),
      callback: (_error, message) => {
        this.#heard.push(heardOfNats(message))
        const { parts = [], value, headers, fails } = behave(valueOf(message))
        for (const part of parts) message.respond(JSON.stringify(part), { headers: sentHeaders({ headers: { 'Callboard-Part': 'true' } }) })
        if (fails !== undefined) message.respond('', { headers: sentHeaders({ headers: { 'Nats-Service-Error-Code': '500', 'Nats-Service-Error': fails.message.replaceAll('\r\n', ' '), 'Callboard-Error': fails.code } }, false) })
        else message.respond(JSON.stringify(value), { headers: sentHeaders(headers === undefined ? {} : { headers }) })
      },
    })
    await this.#connection.flush()
  }
}

function sentHeaders({ headers = {}, mid }: SendOptions, isJson = true): MsgHdrs {
  const sent = natsHeaders()
  if (isJson) sent.set('Content-Type', 'application/json')
  if (mid !== undefined) sent.set('Nats-Msg-Id', mid)
  for (const [name, value] of Object.entries(headers)) sent.set(name, value)
  return sent
}

function heardOfNats(message: Msg): Heard {
  const { headers, subject } = message
  return { subject, value: valueOf(message), headers: applicationHeaders(headers), mid: headers?.get('Nats-Msg-Id') || undefined, sender: headers?.get('Callboard-Sender') ?? '' }
}

function valueOf(message: Msg): unknown {
  const type = message.headers?.get('Content-Type')
  return type === 'application/msgpack' ? decode(message.data) : type === 'application/json' ? message.json() : message.string()
}

function applicationHeaders(headers: MsgHdrs | undefined): Readonly<Record<string, unknown>> {
  return Object.fromEntries((headers?.keys() ?? []).filter(name => !NATS_OWN.test(name)).map(name => [name, headers!.get(name)]))
}

async function nextOf(queue: MessageQueue<Heard>): Promise<Heard> {
  const { value } = await queue.next()
  if (value === undefined) throw new Error('nothing more comes')
  return value
}
