// gRPC as the settings have it: the server, its port and its Unix socket. The one place that takes the folder grpc/.

import type { Core } from '../broker/core.ts'
import type { Deadlines } from '../broker/ground/deadlines.ts'
import type { ErrorCode } from '../broker/ground/errors.ts'
import type { GrpcSettings, Settings } from '../broker/ground/settings.ts'
import type { Link, Listener, Log } from '../broker/ground/types.ts'
import { GrpcServer } from '../grpc/server.ts'
import { listenGrpcTcp, listenGrpcUnix } from '../grpc/sockets.ts'
import type { ListeningSockets } from '../transports/listening-sockets.ts'
import type { PeerLookup } from '../transports/unix/bind.ts'
import { namesOf } from './dialects.ts'
import type { NatsDoor } from './nats-door.ts'
import { tcpPreparation } from './tcp-preparation.ts'

export interface GrpcPortOptions {
  readonly settings: Settings
  readonly grpc: GrpcSettings
  readonly core: Core
  readonly version: string
  readonly deadlines: Deadlines
  readonly log: Log
  readonly sockets: ListeningSockets
  /** Counts those who come. */
  readonly door: NatsDoor
  readonly peerOf: PeerLookup
  readonly onLink: (link: Link) => void
  readonly onRefused: (address: string, code: ErrorCode) => void
}

/** The server behind port and socket. It does nothing until one of them is opened. */
export class GrpcPort {
  readonly #options: GrpcPortOptions
  readonly #server: GrpcServer

  constructor(options: GrpcPortOptions) {
    const { settings, grpc, core, deadlines, version, onLink } = options
    const { limits, performance } = settings.ipc
    this.#options = options
    this.#server = new GrpcServer({
      names: { ...namesOf(core), checkChannel: (name) => void core.channels.get(name) },
      deadlines,
      version,
      accept: onLink,
      isToken: (principal, token) => core.authenticator.isToken(principal, token),
      maxMessageBytes: performance.maxMessageBytes,
      maxCalls: grpc.maxCalls,
      hasReflection: grpc.hasReflection,
      handshakeMs: limits.handshakeMs,
      pingMs: performance.keepAlive ? limits.heartbeatMs : 0,
    })
  }

  /** @throws BrokerError `listener.failed` */
  openTcp(): Promise<Listener> {
    const { settings, grpc, log, sockets, door, onRefused } = this.#options
    return listenGrpcTcp({ server: this.#server, log, sockets, host: grpc.host, port: grpc.port, prepare: tcpPreparation(settings.network), enter: (address, isLocal) => door.enter(address, isLocal), onRefused })
  }

  /** @throws BrokerError `listener.failed` */
  openUnix(path: string): Promise<Listener> {
    const { log, sockets, door, peerOf, onRefused } = this.#options
    const enter = (): { admitted(): void; left(): void } => {
      door.enterCounted()
      return { admitted() {}, left: () => door.left() }
    }
    return listenGrpcUnix({ server: this.#server, log, sockets, path, peerOf, enter, onRefused })
  }
}
