// The ports of a broker: what opens each of them, where they are, and why one is missing.

import { dirname } from 'node:path'
import type { Core } from '../broker/core.ts'
import type { Deadlines } from '../broker/ground/deadlines.ts'
import type { ErrorCode } from '../broker/ground/errors.ts'
import { NATS_VERSION } from '../broker/ground/nats-version.ts'
import type { GrpcSettings, NatsSettings, Settings } from '../broker/ground/settings.ts'
import type { BrokerTelemetry } from '../broker/ground/telemetry.ts'
import type { Link, Listener, Log } from '../broker/ground/types.ts'
import { Monitor, type MonitorEndpoints } from '../broker/monitor.ts'
import { SocketLimits } from '../http/socket-limits.ts'
import { openPeerCredentials } from '../native/peer-credentials.ts'
import { listenUnix } from '../transports/unix/unix-listener.ts'
import type { PeerLookup } from '../transports/unix/bind.ts'
import type { ListeningSockets } from '../transports/listening-sockets.ts'
import { fifoOpeners } from './fifos.ts'
import { mostConnections } from './file-limit.ts'
import type { GrpcPort } from './grpc-port.ts'
import type { Monitoring } from './monitoring.ts'
import { NatsDoor } from './nats-door.ts'
import { openNatsPort } from './nats-port.ts'
import { openSharedMemory, type ReleaseScope } from './shared-memory.ts'
import { TlsGates } from './tls-gates.ts'

export interface ListenersOptions {
  readonly settings: Settings
  readonly version: string
  readonly log: Log
  readonly deadlines: Deadlines
  readonly telemetry: BrokerTelemetry | undefined
  /** Path of the Unix socket. */
  readonly socket: string
  /** Where the one for gRPC is, unless the settings say otherwise. */
  readonly grpcSocket: string
  /** Sockets for agents of other users, by the number of the user. */
  readonly userSockets: ReadonlyMap<number, string>
  /** On which it listens. */
  readonly sockets: ListeningSockets
  /** True while clients are served. */
  readonly isServing: () => boolean
}

type OnLink = (link: Link) => void

/** By name, what opens each; nothing comes of it where the broker is to run without. */
export type Openers = Readonly<Record<string, (onLink: OnLink) => Promise<Listener | undefined>>>

export class Listeners {
  readonly #options: ListenersOptions
  readonly #gates: TlsGates
  readonly #door: NatsDoor
  /** Addresses of those that are open. */
  readonly #open = new Map<string, string>()
  /** Why one that is configured is not. */
  readonly #problems = new Map<string, string>()
  #monitoring: Monitoring | undefined
  #grpc: GrpcPort | undefined

  constructor(options: ListenersOptions) {
    const { settings, deadlines, log } = options
    this.#options = options
    this.#gates = new TlsGates(deadlines, log)
    this.#door = new NatsDoor(new SocketLimits(settings.gateway), settings.nats.maxConnections)
  }

  /** Where a listener is open: `gateway`, `grpc`, `grpc-unix`, `nats`, `nats-websocket`, `monitor`; undefined: it is not. */
  address(name: string): string | undefined {
    return this.#open.get(name)
  }

  /** Why it is not open, though one is configured. */
  problem(name: string): string | undefined {
    return this.#problems.get(name)
  }

  /** 0 = no limit; those who are in stay. */
  set maxNatsConnections(limit: number) {
    this.#door.maxConnections = limit
  }

  /** See TlsGates. @throws BrokerError `config.invalid` */
  prepareCertificates(nats?: NatsSettings): () => void {
    return this.#gates.prepare(nats)
  }

  /** What opens those that the settings ask for, in the order in which they start. With `scope` goes what they have in common. */
  openers(core: Core, scope: ReleaseScope): Openers {
    const { settings, socket, grpcSocket, userSockets, log, sockets } = this.#options
    const { ipc, nats, gateway, grpc } = settings
    const hasWebSocket = nats.enabled && nats.websocket !== undefined
    const peerOf = openPeerCredentials(log)
    const memory = openSharedMemory(settings, core.broker, log, scope)
    return {
      ...(ipc.enabled ? { unix: (onLink: OnLink) => listenUnix({ path: socket, peerOf, log, memory, sockets, onLink }) } : {}),
      ...Object.fromEntries([...userSockets].map(([owner, path]) => [`user-${owner}`, (onLink: OnLink) => listenUnix({ path, owner, peerOf, log, sockets, onLink })])),
      ...fifoOpeners(core, dirname(grpcSocket), sockets),
      ...(grpc?.hasPort === true ? { grpc: this.#noted('grpc', async (onLink) => (await this.#grpcPort(core, grpc, peerOf, onLink)).openTcp()) } : {}),
      ...(grpc === undefined ? {} : { 'grpc-unix': this.#noted('grpc-unix', async (onLink) => (await this.#grpcPort(core, grpc, peerOf, onLink)).openUnix(grpc.socket ?? grpcSocket)) }),
      ...(nats.enabled ? { nats: this.#noted('nats', (onLink) => this.#openNats(core, onLink)) } : {}),
      ...(hasWebSocket ? { 'nats-websocket': this.#noted('nats-websocket', (onLink) => this.#openNatsWebSocket(core, onLink)) } : {}),
      ...(nats.monitor === undefined ? {} : { monitor: this.#noted('monitor', async () => (await this.#monitoringOf(core)).open(nats.monitor!)) }),
      ...(gateway.enabled ? { gateway: this.#noted('gateway', (onLink) => this.#openGateway(core, onLink)) } : {}),
    }
  }

  #noted(name: string, open: (onLink: OnLink) => Promise<Listener | undefined>): (onLink: OnLink) => Promise<Listener | undefined> {
    return async (onLink) => {
      const listener = await open(onLink)
      if (listener === undefined) return undefined
      this.#open.set(name, listener.address)
      return {
        address: listener.address,
        close: () => {
          this.#open.delete(name)
          return listener.close()
        },
      }
    }
  }

  #openNats(core: Core, onLink: OnLink): Promise<Listener | undefined> {
    const { settings, log, sockets } = this.#options
    return openNatsPort({ settings, log, sockets, gates: this.#gates, ...this.#reception(core, onLink), onMissing: (problem) => this.#problems.set('nats', problem) })
  }

  // One server for port and socket, made when the first of them opens: gRPC takes long to load.
  async #grpcPort(core: Core, grpc: GrpcSettings, peerOf: PeerLookup, onLink: OnLink): Promise<GrpcPort> {
    const { GrpcPort: Port } = await import('./grpc-port.ts')
    const { settings, log, version, deadlines, sockets } = this.#options
    const { onRefused } = this.#reception(core, onLink)
    return (this.#grpc ??= new Port({ settings, grpc, core, version, deadlines, log, sockets, peerOf, onLink, onRefused, door: new NatsDoor(new SocketLimits(settings.gateway), grpc.maxConnections) }))
  }

  async #openNatsWebSocket(core: Core, onLink: OnLink): Promise<Listener> {
    const { openNatsWebSocket } = await import('./nats-websocket.ts')
    const { settings, log, version, deadlines, sockets } = this.#options
    return openNatsWebSocket({ settings, log, sockets, version, deadlines, gates: this.#gates, ...this.#reception(core, onLink) })
  }

  async #openGateway(core: Core, onLink: OnLink): Promise<Listener | undefined> {
    // Not a static import: HTTP and `ws` take 20 ms to load, which a broker without gateway need not spend.
    const { openGateway } = await import('./gateway.ts')
    const { settings, log, version, deadlines, telemetry, sockets } = this.#options
    return openGateway({
      settings,
      log,
      sockets,
      version,
      deadlines,
      scrape: telemetry?.scrape,
      isToken: (principal, token) => core.authenticator.isToken(principal, token),
      monitoring: await this.#monitoringOf(core),
      deflate: (bytes) => core.pool.deflate(bytes),
      ...this.#reception(core, onLink),
      onMissing: (problem) => this.#problems.set('gateway', problem),
    })
  }

  #reception(core: Core, onLink: OnLink): { door: NatsDoor; onLink: OnLink; onRefused: (address: string, code: ErrorCode) => boolean } {
    return { door: this.#door, onLink, onRefused: (address, code) => core.trail.refused(address, code) }
  }

  // Made when the first listener wants it: it loads HTTP.
  async #monitoringOf(core: Core): Promise<Monitoring> {
    const { Monitoring } = await import('./monitoring.ts')
    const { settings, log, version, isServing, sockets } = this.#options
    const identity = { id: core.broker, name: settings.nats.serverName ?? `callboard-${core.broker}`, version: NATS_VERSION, callboard: version }
    const endpoints = (): MonitorEndpoints => ({ nats: this.address('nats'), webSocket: this.address('nats-websocket') ?? this.address('gateway'), http: this.address('monitor') ?? this.address('gateway') })
    return (this.#monitoring ??= new Monitoring({ settings, log, sockets, monitor: new Monitor({ core, maxConnections: mostConnections(settings.ipc.maxConnections), identity, endpoints }), health: isServing, isAdminToken: (principal, token) => core.authenticator.isToken(principal, token, 'admin') }))
  }
}
