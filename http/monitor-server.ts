// The monitoring endpoints on a port of their own, as nats-server has them: plain HTTP, and an index page at `/`.

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Listener, Log } from '../broker/ground/types.ts'
import type { ListeningSockets } from '../transports/listening-sockets.ts'
import { isLoopback, plainAddress, withPort } from '../transports/tcp/address.ts'
import { bindTcp } from '../transports/tcp/bind.ts'
import { createHttpServer } from './node-http.ts'
import { OriginCheck, type OriginRules } from './origin-check.ts'
import { badRequest, HttpRefusal, refusalBody } from './refusal.ts'
import { respond } from './respond.ts'
import type { Answer, Routes } from './route.ts'

export interface MonitorServerOptions extends OriginRules {
  /** 0 = any that is free */
  readonly port: number
  readonly routes: Routes
  /** Told of each request for the index page. */
  readonly onIndex: () => void
  /** Time for a request to come. ms */
  readonly requestMs: number
  readonly log: Log
  /** What a process before this one may listen on already. */
  readonly sockets?: ListeningSockets | undefined
}

const MAX_HEADER_BYTES = 16 * 1024
/** Sockets at a time; more are cut off. */
const MAX_SOCKETS = 128
const NOT_FOUND: Answer = { status: 404, type: 'text/plain; charset=utf-8', body: '404 page not found\n' }

export class MonitorServer implements Listener {
  readonly address: string
  readonly #options: MonitorServerOptions
  readonly #server: Server
  readonly #check: OriginCheck
  readonly #index: string

  /**
   * Opens the port.
   * @throws BrokerError `listener.failed`
   */
  static async open(options: MonitorServerOptions): Promise<MonitorServer> {
    const { host, port, requestMs, log } = options
    const server = createHttpServer({ maxHeaderSize: MAX_HEADER_BYTES, requireHostHeader: false, headersTimeout: requestMs, requestTimeout: requestMs })
    server.maxConnections = MAX_SOCKETS
    await bindTcp(server, host, port, 'nats.monitor', options.sockets)
    server.on('error', (error) => log.error({ err: error }, 'the monitoring port failed'))
    if (!isLoopback(host)) log.warn({ host }, 'the monitoring port listens beyond this machine: whoever reaches it sees who is connected and to which subjects they subscribe')
    return new MonitorServer(server, options)
  }

  private constructor(server: Server, options: MonitorServerOptions) {
    this.#options = options
    this.#server = server
    this.#check = new OriginCheck(options)
    this.#index = indexPage(Object.keys(options.routes))
    this.address = `http://${withPort(options.host, (server.address() as AddressInfo).port)}/`
    server.on('request', (request, response) => void this.#request(request, response))
  }

  /** Stops accepting, and ends what is open. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }

  async #request(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      respond(request, response, await this.#answer(request))
    } catch (error) {
      const { status, error: named, headers } = HttpRefusal.from(error)
      if (status === 500) this.#options.log.error({ err: named }, 'a request failed')
      respond(request, response, { status, type: 'application/json', body: refusalBody(named) }, headers)
    }
  }

  #answer(request: IncomingMessage): Answer | Promise<Answer> {
    const { headers, socket, method, url = '' } = request
    // Whoever opens the port to a network reaches it by names that nobody listed. Programs of this machine are another
    // matter: a page in a browser here can give its own name this address.
    if (isLoopback(plainAddress(socket.remoteAddress ?? '')) || headers.origin !== undefined) this.#check.check(headers, socket.localAddress ?? '')
    if (method !== 'GET' && method !== 'HEAD') throw badRequest(`${method} is not answered here, GET and HEAD are`, 405)
    const path = url.split('?')[0]!
    if (path === '/') {
      this.#options.onIndex()
      return { status: 200, type: 'text/html; charset=utf-8', body: this.#index }
    }
    const { routes } = this.#options
    return Object.hasOwn(routes, path) ? routes[path]!(request) : NOT_FOUND
  }
}

function indexPage(paths: readonly string[]): string {
  const links = paths.map((path) => `<li><a href=".${path}">${path.slice(1)}</a></li>`)
  return `<!doctype html>\n<html lang="en">\n<head><title>Callboard</title></head>\n<body>\n<h1>Callboard</h1>\n<ul>\n${links.join('\n')}\n</ul>\n</body>\n</html>\n`
}
