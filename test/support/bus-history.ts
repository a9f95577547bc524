// A random history of a broker: clients that come, subscribe, publish, ask, answer, read slowly and die. Beside it a
// naive model of who should get what.

import fc from 'fast-check'
import { Kind, PayloadType, Flag } from '../../broker/wire/layout.ts'
import { type JsonClient, NativeClient } from './memory-client.ts'
import { naivelyMatches, patternTokens, subjectTokens } from './patterns.ts'
import type { PipelineRig } from './pipeline.ts'

const pick = fc.nat({ max: 1000 })
const subject = subjectTokens.filter(tokens => tokens[0] !== '$x').map(tokens => tokens.join('.'))
const pattern = patternTokens.filter(tokens => tokens[0] !== '$x').map(tokens => tokens.join('.'))

export const steps = fc.oneof(
  fc.record({ kind: fc.constant('connect' as const), isJson: fc.boolean(), kernelBytes: fc.constantFrom(Infinity, Infinity, 0, 300, 5000) }),
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('subscribe' as const), pick, pattern, form: fc.constantFrom('plain', 'plain', 'group', 'filter', 'both') }) },
  fc.record({ kind: fc.constant('unsubscribe' as const), pick, which: pick }),
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('publish' as const), pick, subject, count: fc.integer({ min: 1, max: 8 }), n: fc.nat({ max: 1 }), bytes: fc.constantFrom(0, 20, 3000) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('request' as const), pick, subject, isMany: fc.boolean(), timeoutMs: fc.integer({ min: 1, max: 400 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('answer' as const), pick, as: fc.constantFrom(Kind.response, Kind.part, Kind.error) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('read' as const), pick, bytes: fc.constantFrom(100, 10_000, Infinity) }) },
  fc.record({ kind: fc.constant('hangUp' as const), pick }),
  fc.record({ kind: fc.constant('channel' as const), name: fc.constantFrom('a', 'b', 'a.b'), isBroadcast: fc.boolean() }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('turn' as const) }) },
  fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 150, 250, 1100) }),
)

export type Step = typeof steps extends fc.Arbitrary<infer S> ? S : never

interface Subscribed {
  readonly client: HistoryClient
  readonly number: number
  readonly pattern: readonly string[]
  readonly group: string | undefined
  readonly isFiltered: boolean
}

/** One client of the history, with all that it ever received. */
export class HistoryClient {
  readonly client: NativeClient | JsonClient
  /** Messages among what it read. */
  received = 0
  readonly open: { origin: number; id: number; subject: string }[] = []

  constructor(client: NativeClient | JsonClient) {
    this.client = client
  }

  get isReady(): boolean {
    return this.client.connection.isReady
  }

  /** Reads by hand, so that the kernel fills and empties as the history says. */
  read(bytes: number): void {
    const { client } = this
    if (client instanceof NativeClient) {
      for (const { kind, origin, id, subject: about } of client.parse(client.link.read(bytes))) {
        if (kind >= Kind.hello || origin === 0) continue
        this.received++
        if (kind === Kind.request) this.open.push({ origin, id, subject: about })
      }
    } else {
      for (const line of client.parse(client.link.read(bytes))) {
        // The broker's own lines have no version.
        if (line['version'] === undefined) continue
        this.received++
        if (line['type'] !== 'request') continue
        const [origin, id] = (line['replyTo'] as string).split('.').map(Number)
        this.open.push({ origin: origin!, id: id!, subject: line['subject'] as string })
      }
    }
  }
}

export class BusHistory {
  readonly clients: HistoryClient[] = []
  readonly rig: PipelineRig
  #subscribed: Subscribed[] = []
  #lastNumber = 0
  readonly #channels = new Map<string, boolean>()

  constructor(rig: PipelineRig) {
    this.rig = rig
  }

  /** Does one step. For a publish that is handled at once: how many deliveries it should have made; otherwise undefined. */
  async take(step: Step): Promise<number | undefined> {
    if (step.kind === 'connect') return this.#connect(step.isJson, step.kernelBytes)
    if (step.kind === 'turn') return this.#turn()
    if (step.kind === 'wait') return this.#wait(step.ms)
    if (step.kind === 'channel') return this.#channel(step.name, step.isBroadcast)
    const living = this.clients.filter(({ client }) => !client.link.isClosed)
    const actor = living[step.pick % living.length]
    if (actor === undefined) return undefined
    if (step.kind === 'read') actor.read(step.bytes)
    if (step.kind === 'hangUp') actor.client.link.hangUp()
    if (!actor.isReady) return undefined
    if (step.kind === 'subscribe') return this.#subscribe(actor, step.pattern, step.form)
    if (step.kind === 'unsubscribe') return this.#unsubscribe(actor, step.which)
    if (step.kind === 'publish') return this.#publish(actor, step)
    if (step.kind === 'request') return this.#request(actor, step)
    return step.kind === 'answer' ? this.#answer(actor, step.as) : undefined
  }

  /** Everybody reads all there is, until nothing comes any more. */
  finish(): void {
    for (const { client } of this.clients) client.link.kernelBytes = Infinity
    do {
      this.rig.turn()
      for (const client of this.clients) client.read(Infinity)
    } while (this.rig.core.accounts.totals().pending > 0)
  }

  #turn(): undefined {
    this.rig.turn()
  }

  async #wait(ms: number): Promise<undefined> {
    await this.rig.advance(ms)
  }

  #connect(isJson: boolean, kernelBytes: number): undefined {
    const client = isJson ? this.rig.json() : this.rig.native()
    client.link.kernelBytes = kernelBytes
    this.clients.push(new HistoryClient(client))
  }

  #channel(name: string, isBroadcast: boolean): undefined {
    if (this.#channels.delete(name)) this.rig.closeChannel(name)
    else {
      this.#channels.set(name, isBroadcast)
      this.rig.openChannel({ name, mode: isBroadcast ? 'broadcast' : 'pubsub' })
    }
  }

  #subscribe(actor: HistoryClient, text: string, form: string): undefined {
    if (!isIdle(actor)) return
    const number = ++this.#lastNumber
    const group = form === 'group' || form === 'both' ? 'g' : undefined
    const isFiltered = form === 'filter' || form === 'both'
    this.#subscribed.push({ client: actor, number, pattern: text.split('.'), group, isFiltered })
    const more = { ...(group === undefined ? {} : { group }), ...(isFiltered ? { filter: 'n=1' } : {}) }
    if (actor.client instanceof NativeClient) actor.client.subscribe(number, text, more)
    else actor.client.send({ type: 'subscribe', subject: text, subscription: number, ...more })
  }

  #unsubscribe(actor: HistoryClient, which: number): undefined {
    const own = this.#subscribed.filter(({ client }) => client === actor)
    const chosen = own[which % own.length]
    if (chosen === undefined || !isIdle(actor)) return
    this.#subscribed = this.#subscribed.filter(each => each !== chosen)
    if (actor.client instanceof NativeClient) actor.client.control(Kind.unsubscribe, chosen.number)
    else actor.client.send({ type: 'unsubscribe', subscription: chosen.number })
  }

  #publish(actor: HistoryClient, { subject: text, count, n, bytes }: Step & { kind: 'publish' }): number | undefined {
    const isExact = isIdle(actor) && this.clients.every(({ client }) => client.connection.isReady || client.connection.state === 'gone')
    const receivers = this.#receivers(text, n)
    const payload = { n, fill: 'x'.repeat(bytes) }
    if (actor.client instanceof NativeClient) {
      const { client } = actor
      const frame = { kind: Kind.publish, subject: text, flags: PayloadType.json, payload: Buffer.from(JSON.stringify(payload)) }
      client.link.arrive(Buffer.concat(Array.from({ length: count }, () => client.frame(frame))))
    } else actor.client.send(...Array.from({ length: count }, () => ({ type: 'event', subject: text, payload })))
    // Above the ceiling a receiver is ended in the middle of a chunk, and gets less.
    return isExact && actor.isReady && this.clients.every(({ client }) => client.connection.state !== 'closing') ? count * Math.max(1, receivers) : undefined
  }

  #request(actor: HistoryClient, { subject: text, isMany, timeoutMs }: Step & { kind: 'request' }): undefined {
    if (actor.client instanceof NativeClient) actor.client.send({ kind: Kind.request, subject: text, to: timeoutMs, flags: isMany ? Flag.many : 0 })
    else actor.client.send({ type: 'request', subject: text, timeout: timeoutMs, many: isMany, id: `r${this.#lastNumber++}` })
  }

  #answer(actor: HistoryClient, as: number): undefined {
    const request = as === Kind.part ? actor.open[0] : actor.open.shift()
    if (request === undefined) return
    const { origin, id, subject: about } = request
    if (actor.client instanceof NativeClient) actor.client.send({ kind: as, to: origin, ref: id, subject: about })
    else actor.client.send({ type: as === Kind.part ? 'part' : as === Kind.error ? 'error' : 'response', ref: `${origin}.${id}`, payload: 1 })
  }

  // Connections with a plain subscription or a filter that passes get one; one member of each group gets one more.
  #receivers(text: string, n: number): number {
    const tokens = text.split('.')
    const matching = this.#subscribed.filter(({ client, pattern: each }) => client.isReady && naivelyMatches(each, tokens))
    const passing = matching.filter(({ isFiltered }) => !isFiltered || n === 1)
    const plain = new Set(passing.filter(({ group }) => group === undefined).map(({ client }) => client))
    const groups = new Set(passing.filter(({ group }) => group !== undefined).map(({ pattern: each }) => each.join('.')))
    const owner = [...this.#channels.keys()].filter(name => text === name || text.startsWith(`${name}.`)).toSorted((a, b) => b.length - a.length)[0]
    if (owner !== undefined && this.#channels.get(owner) === true) {
      const picky = new Set(matching.filter(({ group, isFiltered }) => group === undefined && isFiltered).map(({ client }) => client))
      for (const client of this.clients) if (client.isReady && !picky.has(client)) plain.add(client)
    }
    return plain.size + groups.size
  }
}

// What it sends now is handled now.
function isIdle({ client: { link } }: HistoryClient): boolean {
  return !link.isPaused && link.waitingChunks === 0
}
