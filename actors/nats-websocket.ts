// NATS over WebSocket as the settings have it: at a path of the gateway, and on a port of its own.

import type { Socket } from 'node:net'
import type { Deadlines } from '../broker/ground/deadlines.ts'
import { BrokerError, type ErrorCode } from '../broker/ground/errors.ts'
import type { Settings } from '../broker/ground/settings.ts'
import type { Link, Listener, Log } from '../broker/ground/types.ts'
import { GatewayServer } from '../http/gateway-server.ts'
import type { SocketPath } from '../http/socket-path.ts'
import type { ListeningSockets } from '../transports/listening-sockets.ts'
import { KeepAlive } from '../transports/websocket/keep-alive.ts'
import { NatsWebSocketLink } from '../transports/websocket/nats-websocket-link.ts'
import { outgoing } from '../transports/websocket/outgoing.ts'
import type { WebSocketKind } from '../transports/websocket/websocket-link.ts'
import type { NatsDoor } from './nats-door.ts'
import { tcpPreparation } from './tcp-preparation.ts'
import type { TlsGates } from './tls-gates.ts'

interface Reception {
  readonly door: NatsDoor
  readonly onLink: (link: Link) => void
  readonly onRefused: (address: string, code: ErrorCode) => boolean
}

/** NATS on the WebSockets of a path; `kind` is that of the port's other links. */
export function natsSocketPath(kind: WebSocketKind, { door, onLink, onRefused }: Reception): SocketPath {
  const streams: WebSocketKind = { ...kind, isStream: true }
  return {
    deflation: undefined,
    open({ socket, address, peer, visitor, first }) {
      const problem = enter(door, socket)
      if (problem !== undefined) onRefused(address, problem.code)
      const link = new NatsWebSocketLink(socket, peer, streams, visitor, undefined, first)
      onLink(link)
      if (problem !== undefined) link.turnAway(problem)
    },
  }
}

function enter(door: NatsDoor, socket: Socket): BrokerError | undefined {
  try {
    door.enterCounted()
  } catch (error) {
    return BrokerError.from(error)
  }
  socket.once('close', () => door.left())
  return undefined
}

export interface NatsWebSocketOptions extends Reception {
  readonly settings: Settings
  readonly version: string
  readonly log: Log
  readonly sockets: ListeningSockets
  readonly deadlines: Deadlines
  readonly gates: TlsGates
}

/**
 * Opens the port of its own, `nats.websocket`.
 * @throws BrokerError `listener.failed`, `config.invalid` when the certificates cannot be used
 */
export async function openNatsWebSocket(options: NatsWebSocketOptions): Promise<Listener> {
  const { settings, log, deadlines, version, gates, onRefused } = options
  const { network, gateway, ipc } = settings
  const { host, port, tls } = settings.nats.websocket!
  const { maxFrameBytes } = network.websocket
  const kind: WebSocketKind = { outgoing: outgoing(maxFrameBytes), maxFrameBytes, maxFirstMessageBytes: 0, isStream: true, links: new Set() }
  const path = natsSocketPath(kind, options)
  const server = await GatewayServer.open({
    ...gateway,
    host,
    port,
    block: 'nats.websocket',
    title: 'the NATS WebSocket port',
    tls: await gates.open(tls, 'nats.websocket.tls'),
    socketPath: () => path,
    isLocalCrowd: true,
    requestMs: ipc.limits.handshakeMs,
    version,
    routes: {},
    deadlines,
    log,
    sockets: options.sockets,
    prepare: tcpPreparation(network),
    onRefused,
  })
  const watch = new KeepAlive(kind.links, network.websocket, deadlines)
  watch.start()
  return {
    address: server.address,
    close() {
      watch.stop()
      return server.close()
    },
  }
}
