// The one HTTP server: WebSockets at some paths, and what others serve beside them. Knows nothing of who is let in.
//
//   accept ─ limits ─▶ visitor, 10 s ─ TLS? ─ headers ─┬▶ upgrade at a path: Host, Origin, handshake ─▶ its owner
//                                                      └▶ GET of a route: Host, Origin ─▶ answer, end

import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { BrokerError, type ErrorCode } from '../broker/ground/errors.ts'
import type { Listener, Log } from '../broker/ground/types.ts'
import type { Deadlines } from '../broker/ground/deadlines.ts'
import type { ListeningSockets } from '../transports/listening-sockets.ts'
import { isLoopback, plainAddress, tcpPeer, withPort } from '../transports/tcp/address.ts'
import { bindTcp, unbind } from '../transports/tcp/bind.ts'
import type { TlsGate } from '../transports/tcp/tls-gate.ts'
import { Deflation } from '../transports/websocket/deflation.ts'
import { handshakeResponse } from '../transports/websocket/handshake.ts'
import { createHttpServer } from './node-http.ts'
import { OriginCheck, type OriginRules } from './origin-check.ts'
import { badRequest, HttpRefusal, READ_REFUSAL_MS, refusalBody, refuseSocket } from './refusal.ts'
import { respond } from './respond.ts'
import { json, type Answer, type Routes } from './route.ts'
import { SocketLimits, type SocketLimitOptions } from './socket-limits.ts'
import type { SocketPath } from './socket-path.ts'
import { checkUpgrade } from './upgrade-check.ts'
import { Visitor, type Reception } from './visitor.ts'

export interface GatewayServerOptions extends OriginRules, SocketLimitOptions {
  /** 0 = any that is free */
  readonly port: number
  /** The block of the configuration that says where it listens: `gateway`. */
  readonly block: string
  /** What the log calls it: `the gateway`. */
  readonly title: string
  /** undefined: none. */
  readonly tls: TlsGate | undefined
  /** What is spoken on the WebSockets of a path; undefined: nothing. */
  readonly socketPath: (path: string) => SocketPath | undefined
  /** Programs of this machine share one address: for them only the limit over all addresses holds. */
  readonly isLocalCrowd: boolean
  /** Told of the answer to `GET /`. */
  readonly version: string
  readonly routes: Routes
  /** Time for a request's headers to come, and for a response to be read. ms */
  readonly requestMs: number
  readonly deadlines: Deadlines
  readonly log: Log
  /** What a process before this one may listen on already. */
  readonly sockets?: ListeningSockets | undefined
  /** Prepares an upgraded socket, such as its keep-alive. */
  readonly prepare: (socket: Socket) => void
  /** Told of who was turned away before there was a link, with a code of the table of errors. False: one of a storm, of which the log has heard enough. */
  readonly onRefused: (address: string, code: ErrorCode) => boolean
}

const MAX_HEADER_BYTES = 16 * 1024
const MAX_HEADERS = 100
/** Refused sockets at a time that are told why; more are cut at once. */
const MAX_TURNED_AWAY = 64
/** Names of parameters by which people put a credential into a URL, where logs and histories keep it. `auth=1` of the monitoring endpoints is none. */
const SECRET_PARAMETER = /(?:^|&)(?:access_?)?(?:token|auth(?!=(?:[01tf]|true|false)?(?:&|$))|authorization|password|secret|key|mac)=/i

export class GatewayServer implements Listener {
  readonly address: string
  readonly port: number
  readonly #options: GatewayServerOptions
  readonly #server: Server
  readonly #http: HttpServer
  readonly #check: OriginCheck
  readonly #limits: SocketLimits
  readonly #reception: Reception
  #turnedAway = 0

  /**
   * Opens the port.
   * @throws BrokerError `listener.failed`
   */
  static async open(options: GatewayServerOptions): Promise<GatewayServer> {
    const { host, port, log, block, title, tls } = options
    const server = createServer({ allowHalfOpen: true, noDelay: true })
    await bindTcp(server, host, port, block, options.sockets)
    server.on('error', (error) => log.error({ err: error }, `${title} failed`))
    if (!isLoopback(host) && tls === undefined) log.warn({ host }, `${title} listens beyond this machine, and without TLS: who is on the way can read along`)
    return new GatewayServer(server, options)
  }

  private constructor(server: Server, options: GatewayServerOptions) {
    this.#options = options
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    this.address = `${options.tls === undefined ? 'ws' : 'wss'}://${withPort(options.host, this.port)}/`
    this.#check = new OriginCheck(options, options.tls !== undefined)
    this.#limits = new SocketLimits(options)
    const { deadlines } = options
    this.#reception = { limits: this.#limits, deadlines, visitors: new Set(), tooLate: (socket) => this.#tooLate(socket) }
    // Reads requests; listens nowhere itself, so that a socket over the limits never reaches it.
    this.#http = createHttpServer({ maxHeaderSize: MAX_HEADER_BYTES, requireHostHeader: false, keepAliveTimeout: 1 })
    this.#http.maxHeadersCount = 0
    this.#http.on('request', (request, response) => void this.#request(request, response))
    this.#http.on('upgrade', (request, socket, first) => this.#upgrade(request, socket as Socket, first))
    this.#http.on('connect', (_request, socket) => refuseSocket(socket as Socket, badRequest('the gateway is no proxy', 405)))
    this.#http.on('clientError', (error: NodeJS.ErrnoException, socket) => malformed(error, socket as Socket))
    server.on('connection', (socket) => this.#accept(socket))
  }

  /** Stops accepting and cuts off whoever did not upgrade; links stay. */
  close(): Promise<void> {
    const freed = unbind(this.#server)
    for (const { socket } of this.#reception.visitors) socket.destroy()
    return freed
  }

  #accept(socket: Socket): void {
    // Whoever broke off already is nobody.
    if (socket.remoteAddress === undefined) return void socket.destroy()
    const { tls, requestMs, isLocalCrowd } = this.#options
    const address = plainAddress(socket.remoteAddress)
    let visitor: Visitor
    try {
      const isCrowd = isLocalCrowd && tcpPeer(socket, address).network === 'local'
      visitor = Visitor.enter(socket, address, this.#reception, tls?.handshakeMs ?? requestMs, isCrowd)
    } catch (error) {
      return this.#turnAway(socket, BrokerError.from(error))
    }
    socket.on('error', cut)
    if (tls === undefined) return void this.#http.emit('connection', socket)
    tls.begin(socket, (secure) => {
      visitor.secured(secure, requestMs)
      secure.on('error', cut)
      this.#http.emit('connection', secure)
    })
  }

  #turnAway(socket: Socket, error: BrokerError): void {
    this.#options.onRefused(plainAddress(socket.remoteAddress ?? ''), error.code)
    // Before the handshake nothing can be said that its client understands.
    if (this.#turnedAway >= MAX_TURNED_AWAY || this.#options.tls !== undefined) return void socket.destroy()
    this.#turnedAway++
    const end = setTimeout(() => socket.destroy(), READ_REFUSAL_MS)
    socket.on('error', cut)
    socket.on('end', () => socket.destroy())
    socket.on('close', () => {
      clearTimeout(end)
      this.#turnedAway--
    })
    refuseSocket(socket, new HttpRefusal(error.details['key'] === 'gateway.limits.maxUnauthenticated' ? 503 : 429, error, ['Retry-After: 1']))
  }

  #tooLate(socket: Socket): void {
    const isUnderstood = this.#options.tls === undefined || Visitor.of(socket).isSecure
    if (!isUnderstood || !socket.writable || socket.bytesWritten > 0) return void socket.destroy()
    const error = new BrokerError('handshake.timeout', { limitMs: this.#options.requestMs })
    const visitor = Visitor.of(socket)
    this.#options.onRefused(visitor.address, error.code)
    refuseSocket(socket, new HttpRefusal(408, error))
    // What it sends meanwhile would, unread, take the answer with it.
    this.#options.deadlines.set(visitor, READ_REFUSAL_MS)
  }

  #upgrade(request: IncomingMessage, socket: Socket, first: Buffer): void {
    // Refused already: it came too late.
    if (socket.writableEnded) return void socket.destroy()
    // The answer to what it asked before is still to come, and would stand in the middle of its frames.
    if (Visitor.of(socket).hasAsked) return void socket.resume()
    try {
      this.#vet(request)
      const path = this.#options.socketPath(pathOf(request))
      if (path === undefined) throw notFound(request)
      const key = checkUpgrade(request)
      const deflation = path.deflation === undefined ? undefined : Deflation.agree(request.headers['sec-websocket-extensions'], path.deflation)
      const visitor = Visitor.of(socket)
      visitor.upgraded()
      this.#options.prepare(socket)
      socket.write(handshakeResponse(key, deflation?.header))
      path.open({ socket, address: visitor.address, peer: tcpPeer(socket, visitor.address), visitor, deflation, first })
    } catch (error) {
      const refusal = HttpRefusal.from(error)
      const { address } = Visitor.of(socket)
      const isTold = this.#options.onRefused(address, refusal.error.code)
      if (refusal.status === 500) this.#options.log.error({ err: refusal.error }, 'an upgrade failed')
      // A browser does not tell its page why, so this is the only place where somebody can read it.
      else if (isTold) this.#options.log.info({ code: refusal.error.code, address }, refusal.message)
      refuseSocket(socket, refusal)
    }
  }

  async #request(request: IncomingMessage, response: ServerResponse): Promise<void> {
    Visitor.of(request.socket).hasAsked = true
    try {
      this.#vet(request)
      respond(request, response, await this.#answer(request))
    } catch (error) {
      const { status, error: named, headers } = HttpRefusal.from(error)
      if (status === 500) this.#options.log.error({ err: named }, 'a request failed')
      // Not what is merely not there: everybody who looks around would fill the audit log.
      if (status === 403) this.#options.onRefused(Visitor.of(request.socket).address, named.code)
      respond(request, response, { status, type: 'application/json', body: refusalBody(named) }, headers)
    }
  }

  // What holds for every request. Forwarded, X-Forwarded-For and their like are not looked at: anybody can write them.
  #vet(request: IncomingMessage): void {
    if (request.rawHeaders.length > 2 * MAX_HEADERS) throw badRequest(`the request has more than ${MAX_HEADERS} headers`, 431)
    for (const name of ['host', 'origin'] as const) {
      if ((request.headersDistinct[name]?.length ?? 0) > 1) throw badRequest(`the header ${name} stands there twice`)
    }
    this.#check.check(request.headers, request.socket.localAddress ?? '')
    const query = (request.url ?? '').split('?')[1]
    if (query !== undefined && SECRET_PARAMETER.test(query)) throw badRequest('the URL carries a credential, which logs would keep; send it in the first message')
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    if (request.method !== 'GET' && request.method !== 'HEAD') throw badRequest(`${request.method} is not answered here, GET and HEAD are`, 405)
    const path = pathOf(request)
    if (path === '/') return json(200, { name: 'callboard', version: this.#options.version, websocket: '/', protocol: 'docs/protocol.md' })
    const { routes } = this.#options
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined
    if (route === undefined) throw notFound(request)
    return route(request)
  }
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.split('?')[0]!
}

function notFound(request: IncomingMessage): HttpRefusal {
  return badRequest(`there is nothing at ${pathOf(request).slice(0, 256)}; the WebSocket is at /`, 404)
}

function malformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (socket.destroyed || !socket.writable) return void socket.destroy()
  const isLarge = error.code === 'HPE_HEADER_OVERFLOW'
  const problem = isLarge ? `the headers have more than ${MAX_HEADER_BYTES} bytes` : 'what came is no HTTP request'
  refuseSocket(socket, badRequest(problem, isLarge ? 431 : 400))
}

function cut(this: Socket): void {
  this.destroy()
}
