// A WebSocket link whose owner sends every message back, on a port of its own and without HTTP: the transport by itself.

import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { BrokerError } from '../../broker/ground/errors.ts'
import type { Link, LinkHandler } from '../../broker/ground/types.ts'
import type { Deflation } from '../../transports/websocket/deflation.ts'
import { outgoing } from '../../transports/websocket/outgoing.ts'
import { WebSocketLink, type WebSocketKind } from '../../transports/websocket/websocket-link.ts'
import type { Teardown } from './temporary-directory.ts'

export interface EchoOptions {
  /** Largest message. bytes, default 20 MiB */
  readonly maxMessageBytes?: number
  /** default 0 */
  readonly maxFrameBytes?: number
  /** Let clients in at once. */
  readonly isAdmitted?: boolean
  readonly deflation?: () => Deflation
}

export class EchoServer {
  readonly port: number
  readonly kind: WebSocketKind
  /** Links that were opened, in order. */
  readonly links: WebSocketLink[] = []
  /** Why links ended, where there was a reason. */
  readonly problems: string[] = []
  /** Whole messages that came, binary ones as they were handed over when clients are let in. */
  readonly messages: Buffer[] = []
  readonly #options: EchoOptions

  private constructor(port: number, options: EchoOptions) {
    this.port = port
    this.#options = options
    const { maxMessageBytes = 20 * 1024 * 1024, maxFrameBytes = 0 } = options
    this.kind = { outgoing: outgoing(maxFrameBytes), maxFrameBytes, maxFirstMessageBytes: maxMessageBytes, isStream: false, links: new Set() }
  }

  static async open(t: Teardown, options: EchoOptions = {}): Promise<EchoServer> {
    const listener = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true })
    listener.listen(0, '127.0.0.1')
    await once(listener, 'listening')
    const server = new EchoServer((listener.address() as AddressInfo).port, options)
    listener.on('connection', socket => server.#accept(socket))
    t.teardown(() => {
      listener.close()
      for (const link of server.kind.links) link.destroy()
    })
    return server
  }

  #accept(socket: Socket): void {
    const link = new WebSocketLink(socket, { address: 'test', pid: undefined, uid: undefined }, this.kind, undefined, this.#options.deflation?.())
    this.links.push(link)
    link.attach(new Echo(link, this))
    if (this.#options.isAdmitted) link.admitted(this.kind.maxFirstMessageBytes)
    link.resume()
  }
}

/** Time that a client has to close its side: long, as tests may run beside each other on a busy machine. ms */
const CLOSE_MS = 20_000

class Echo implements LinkHandler {
  readonly #link: Link
  readonly #server: EchoServer
  readonly #waiting: Buffer[] = []
  #parts: Uint8Array[] = []
  #isWriting = false
  #ended: { readonly problem: BrokerError | undefined } | undefined
  #end: NodeJS.Timeout | undefined

  constructor(link: Link, server: EchoServer) {
    this.#link = link
    this.#server = server
  }

  received(chunk: Uint8Array, endsMessage: boolean): void {
    this.#parts.push(chunk)
    if (!endsMessage) return
    const message = Buffer.concat(this.#parts)
    this.#parts = []
    this.#server.messages.push(message)
    this.#waiting.push(this.#link.framing === 'text' ? Buffer.concat([message, Buffer.from('\n')]) : message)
    this.#flush()
  }

  written(): void {
    this.#isWriting = false
    this.#flush()
  }

  ended(problem?: BrokerError): void {
    if (problem !== undefined) this.#server.problems.push(problem.code)
    this.#ended = { problem }
    this.#flush()
    this.#end = setTimeout(() => this.#link.destroy(), CLOSE_MS)
  }

  closed(): void {
    clearTimeout(this.#end)
  }

  #flush(): void {
    while (!this.#isWriting) {
      const message = this.#waiting.shift()
      if (message === undefined) break
      const { wrap } = this.#link
      this.#isWriting = !this.#link.write(wrap === undefined ? [message] : wrap([message]))
    }
    if (this.#ended !== undefined && !this.#isWriting) this.#link.close(this.#ended.problem)
  }
}
