// The gateway as the settings have it: the HTTP server, WebSocket on it, and what looks after its links.

import type { Deadlines } from '../broker/ground/deadlines.ts'
import { defaultSettings, type Settings } from '../broker/ground/settings.ts'
import type { Link, Listener, Log } from '../broker/ground/types.ts'
import { GatewayServer, type GatewayServerOptions } from '../http/gateway-server.ts'
import { metricsRoute } from '../http/metrics-route.ts'
import type { Routes } from '../http/route.ts'
import type { SocketPath } from '../http/socket-path.ts'
import type { ListeningSockets } from '../transports/listening-sockets.ts'
import { isPortTaken } from '../transports/tcp/bind.ts'
import type { Deflate } from '../transports/websocket/deflation.ts'
import { KeepAlive } from '../transports/websocket/keep-alive.ts'
import { outgoing } from '../transports/websocket/outgoing.ts'
import { WebSocketLink, type WebSocketKind } from '../transports/websocket/websocket-link.ts'
import type { Monitoring } from './monitoring.ts'
import type { NatsDoor } from './nats-door.ts'
import { natsSocketPath } from './nats-websocket.ts'
import { openOrDoWithout } from './optional-port.ts'
import { tcpPreparation } from './tcp-preparation.ts'

export interface GatewayOptions {
  readonly settings: Settings
  readonly version: string
  readonly log: Log
  readonly sockets: ListeningSockets
  readonly deadlines: Deadlines
  readonly deflate: Deflate
  /** Whose routes stand beside the WebSocket. */
  readonly monitoring: Monitoring
  /** Metrics for Prometheus; undefined: not configured. */
  readonly scrape: (() => Promise<string>) | undefined
  /** True for the token of a principal. */
  readonly isToken: (principal: string, token: string) => boolean
  /** Counts those who come by `/nats`. */
  readonly door: NatsDoor
  readonly onLink: (link: Link) => void
  readonly onRefused: GatewayServerOptions['onRefused']
  /** Told why there is none. */
  readonly onMissing: (problem: string) => void
}

/** Largest message before the welcome: what devices say of themselves takes room. bytes */
const FIRST_MESSAGE_BYTES = 64 * 1024

/**
 * Opens the gateway; undefined when its port is taken and nobody asked for that very port: the broker runs without it then.
 * @throws BrokerError `listener.failed`
 */
export async function openGateway(options: GatewayOptions): Promise<Listener | undefined> {
  const { settings, log, deadlines } = options
  const { gateway, network, ipc } = settings
  const { maxFrameBytes } = network.websocket
  const kind: WebSocketKind = { outgoing: outgoing(maxFrameBytes), maxFrameBytes, maxFirstMessageBytes: FIRST_MESSAGE_BYTES, isStream: false, links: new Set() }
  const paths = socketPaths(kind, options)
  const server: GatewayServerOptions = {
    ...gateway,
    block: 'gateway',
    title: 'the gateway',
    tls: undefined,
    socketPath: (path) => paths.get(path),
    isLocalCrowd: false,
    requestMs: ipc.limits.handshakeMs,
    version: options.version,
    routes: routes(options),
    deadlines,
    log,
    sockets: options.sockets,
    prepare: tcpPreparation(network),
    onRefused: options.onRefused,
  }
  const port = { name: 'gateway', host: gateway.host, defaultHost: defaultSettings.gateway.host, isPortRequired: gateway.isPortRequired, isOneOfSeveral: ipc.enabled, log, onMissing: options.onMissing }
  const opened = await openOrDoWithout(port, () => open(server, gateway.isOnePerHost))
  if (opened === undefined) return undefined
  const watch = new KeepAlive(kind.links, network.websocket, deadlines)
  watch.start()
  return {
    address: opened.address,
    close() {
      watch.stop()
      return opened.close()
    },
  }
}

function socketPaths(kind: WebSocketKind, options: GatewayOptions): ReadonlyMap<string, SocketPath> {
  const { settings, deflate, onLink } = options
  const { maxFrameBytes, compression } = settings.network.websocket
  const own: SocketPath = {
    deflation: compression ? { deflate, aboveBytes: settings.pool.deflateAboveBytes, maxFrameBytes, outgoing: kind.outgoing } : undefined,
    open: ({ socket, peer, visitor, deflation, first }) => onLink(new WebSocketLink(socket, peer, kind, visitor, deflation, first)),
  }
  return new Map([['/', own], ...(settings.nats.enabled ? [['/nats', natsSocketPath(kind, options)] as const] : [])])
}

async function open(server: GatewayServerOptions, isOnePerHost: boolean): Promise<GatewayServer> {
  try {
    return await GatewayServer.open(server)
  } catch (error) {
    if (!isPortTaken(error) || isOnePerHost) throw error
    server.log.warn({ port: server.port }, 'the port of the gateway is taken; it takes a free one')
    return GatewayServer.open({ ...server, port: 0 })
  }
}

function routes({ monitoring, scrape, isToken, settings }: GatewayOptions): Routes {
  return {
    ...monitoring.gatewayRoutes(),
    ...(scrape === undefined ? {} : { '/metrics': metricsRoute({ scrape, access: settings.telemetry.prometheusAccess, isToken }) }),
  }
}
