// A pipeline without sockets: memory links, a clock that stands still, both dialects. Everything happens when turn() is called.

import { createDialects } from '../../actors/dialects.ts'
import type { BrokerView } from '../../broker/api/methods.ts'
import type { Connection, ConnectionEvent } from '../../broker/connection.ts'
import type { Core } from '../../broker/core.ts'
import { Kind } from '../../broker/ground/kind.ts'
import type { MessageTracer } from '../../broker/ground/message-trace.ts'
import type { RegistrySettings } from '../../broker/ground/registry-settings.ts'
import { defaultSettings, type ChannelFlow, type IpcSettings, type NatsSettings, type PoolSettings, type Settings } from '../../broker/ground/settings.ts'
import type { ChannelSpec, Framing, Peer, Principal } from '../../broker/ground/types.ts'
import { Pipeline } from '../../broker/pipeline.ts'
import { Channels } from '../../broker/registry/channels.ts'
import type { Proofs } from '../../broker/security/authenticator.ts'
import { Service } from '../../broker/service.ts'
import { FakeClock } from './fake-clock.ts'
import { GatewayClient, JsonClient, NativeClient, NatsMemoryClient, type Line } from './memory-client.ts'
import { LinkEvents, MemoryLink } from './memory-link.ts'
import { RecordedAudit } from './recorded-audit.ts'
import { recordedLog } from './recorded-log.ts'

export const OWNER_TOKEN = 'owner-token'
const everything = { allow: ['>'], deny: [] }
const owner: Principal = { name: 'owner', roles: ['admin', 'client', 'agent', 'system'], publish: everything, subscribe: everything }

type Partly<T> = { readonly [K in keyof T]?: T[K] extends readonly unknown[] ? T[K] : T[K] extends object ? Partly<T[K]> : T[K] }

export interface PipelineSetup {
  readonly ipc?: Partly<IpcSettings>
  readonly pool?: Partly<PoolSettings>
  readonly nats?: Partial<NatsSettings>
  readonly queue?: Settings['queue']
  readonly store?: Settings['store']
  readonly registry?: Partial<RegistrySettings>
  readonly maxConnections?: number
  readonly view?: (pipeline: Pipeline) => BrokerView
  readonly tracer?: MessageTracer
  /** As whom principals may come beside the broker's own user. */
  readonly userOf?: (principal: string) => number | undefined
}

/** Who connects, and with which token; default: the owner with the right one. */
export type HelloFields = Readonly<Record<string, unknown>>

export class PipelineRig {
  readonly clock = new FakeClock()
  readonly log = recordedLog()
  readonly audit = new RecordedAudit()
  readonly pipeline: Pipeline
  readonly events: [connection: number, event: ConnectionEvent][] = []
  readonly #links = new LinkEvents()

  constructor({ ipc = {}, pool = {}, nats = {}, queue = defaultSettings.queue, store = defaultSettings.store, registry = {}, maxConnections = 100, view, tracer, userOf }: PipelineSetup = {}) {
    const dialects = createDialects(() => this.core, '1.2.3')
    this.pipeline = new Pipeline(
      {
        settings: { ...settingsWith(ipc, pool), nats: { ...defaultSettings.nats, ...nats }, queue, store, registry: { ...defaultSettings.registry, ...registry } },
        clock: this.clock,
        log: this.log,
        audit: this.audit,
        broker: 'testhome',
        incarnation: 1,
        dialects,
        isOwnAgent: () => false,
        maxConnections,
        tracer,
        ...(userOf !== undefined && { userOf }),
        onConnectionEvent: (connection, event) => this.events.push([connection.number, event]),
      },
      pipeline => new Service(pipeline.core, view?.(pipeline) ?? NO_VIEW),
    )
    this.addPrincipal(owner, OWNER_TOKEN)
    for (const spec of Channels.predefined) this.openChannel(spec)
  }

  get core(): Core {
    return this.pipeline.core
  }

  addPrincipal(principal: Partial<Principal> & { name: string }, proofs: string | Proofs): void {
    this.core.addPrincipal({ roles: ['client'], publish: everything, subscribe: everything, ...principal }, typeof proofs === 'string' ? { token: proofs } : proofs)
  }

  /** What the actor of a channel does when it starts. */
  openChannel(spec: Pick<ChannelSpec, 'name'> & Partial<ChannelSpec>, flow?: ChannelFlow): void {
    this.core.channels.add({ mode: 'pubsub', direction: 'both', predefined: false, createdAt: 0, ...spec })
    this.core.accounts.open(spec.name, flow)
    this.core.routes.invalidate(spec.name.split('.'))
  }

  /** What it does when it ends. */
  closeChannel(name: string): void {
    this.core.channels.remove(name)
    this.core.accounts.retire(name)
    this.core.routes.invalidate(name.split('.'))
  }

  /** A native client that has said nothing yet. */
  link(peer: Partial<Peer> = {}): NativeClient {
    const { connection, link } = this.#accept(peer)
    return new NativeClient(connection, link, () => this.turn())
  }

  /** A native client after its welcome, which it has read. */
  native(hello: HelloFields = {}, peer: Partial<Peer> = {}): NativeClient {
    const client = this.link(peer)
    client.control(Kind.hello, 0, { auth: { token: OWNER_TOKEN }, ...hello })
    const [welcome] = client.frames()
    if (welcome?.kind !== Kind.welcome) throw new Error(`expected a welcome, got ${JSON.stringify(welcome?.body)}`)
    return client
  }

  /** A JSON client that has said nothing yet. */
  jsonLink(): JsonClient {
    const { connection, link } = this.#accept({})
    return new JsonClient(connection, link, () => this.turn())
  }

  /** A JSON client after its welcome, which it has read. */
  json(hello: HelloFields = {}): JsonClient {
    const client = this.jsonLink()
    client.send({ type: 'hello', payload: { token: OWNER_TOKEN, ...hello } })
    const [welcome] = client.lines()
    if (welcome?.['type'] !== 'welcome') throw new Error(`expected a welcome, got ${JSON.stringify(welcome)}`)
    return client
  }

  /** A gateway client that was greeted and has said nothing yet. */
  gatewayLink(peer: Partial<Peer> = {}): GatewayClient {
    const { connection, link } = this.#accept(peer, 'text')
    const client = new GatewayClient(connection, link, () => this.turn())
    const [greeting] = client.lines()
    client.nonce = (greeting!['payload'] as { nonce: string }).nonce
    return client
  }

  /** A gateway client after its hello-ok, which it has read; `missed` came with it, as after a resume. */
  gateway(params: HelloFields = {}): GatewayClient & { readonly helloOk: Line; readonly missed: readonly Line[] } {
    const client = this.gatewayLink()
    client.send({ type: 'connect', params: { auth: { token: OWNER_TOKEN }, ...params } })
    const [answer, ...missed] = client.lines()
    if (answer?.['ok'] !== true) throw new Error(`expected hello-ok, got ${JSON.stringify(answer)}`)
    return Object.assign(client, { helloOk: answer['payload'] as Line, missed })
  }

  /** Lets the links do what waits, in the middle of a turn. */
  links(): void {
    this.#links.run()
  }

  /** Lets the links and the flusher do what waits, until nothing does. */
  turn(): void {
    do this.core.flusher.flush()
    while (this.#links.run())
  }

  /** Moves the clock on by `ms` and ends the turn. */
  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms)
    this.turn()
  }

  /** A NATS client that was told INFO and has said nothing yet. */
  natsLink(): NatsMemoryClient {
    const { connection, link } = this.#accept({ network: 'local' }, 'stream', 'nats')
    const client = new NatsMemoryClient(connection, link, () => this.turn())
    client.info = client.text()
    return client
  }

  /** A NATS client of the owner's after CONNECT. */
  nats(connect: object = {}): NatsMemoryClient {
    const client = this.natsLink()
    client.raw(`CONNECT ${JSON.stringify({ verbose: false, headers: true, no_responders: true, user: 'owner', pass: OWNER_TOKEN, ...connect })}\r\nPING\r\n`)
    const answer = client.text()
    if (!answer.endsWith('PONG\r\n')) throw new Error(`expected PONG, got ${answer}`)
    return client
  }

  #accept(peer: Partial<Peer>, framing?: Framing, protocol?: 'nats'): { connection: Connection; link: MemoryLink } {
    const link = new MemoryLink(this.#links, { address: 'memory', pid: undefined, uid: undefined, ...peer }, framing, protocol)
    const connection = this.pipeline.accept(link)
    if (connection === undefined) throw new Error('the link was cut off')
    this.turn()
    return { connection, link }
  }
}

function settingsWith(ipc: Partly<IpcSettings>, pool: Partly<PoolSettings>): Settings {
  const { performance, security, retry, limits } = defaultSettings.ipc
  const merged = {
    ...defaultSettings.ipc,
    ...ipc,
    performance: { ...performance, ...ipc.performance },
    security: { ...security, ...ipc.security },
    retry: { ...retry, ...ipc.retry },
    limits: { ...limits, ...ipc.limits },
  }
  return { ...defaultSettings, ipc: merged as IpcSettings, pool: { ...defaultSettings.pool, ...pool }, recorder: { entries: 1024 } }
}

const NO_VIEW = new Proxy({} as BrokerView, {
  get: (_, name) => () => {
    throw new Error(`the test has no view, and ${String(name)} was asked of it`)
  },
})
