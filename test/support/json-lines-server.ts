// The broker's place for clients that speak JSON lines: welcomes them and keeps what they say.

import { EventEmitter, once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

export type Envelope = Readonly<Record<string, unknown>> & { readonly type: string }

export class JsonLinesServer {
  /** Every envelope but `hello`, of all connections, in the order they came. */
  readonly received: Envelope[] = []
  readonly hellos: Envelope[] = []
  readonly #path: string
  readonly #news = new EventEmitter()
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined

  constructor(path: string) {
    this.#path = path
  }

  async open(): Promise<void> {
    this.#server = createServer(socket => this.#connected(socket)).listen(this.#path)
    await once(this.#server, 'listening')
  }

  /** Ends all connections and takes the socket away, as a broker does that stops. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    if (this.#server === undefined) return
    this.#server.close()
    await once(this.#server, 'close')
    this.#server = undefined
  }

  send(envelope: Envelope): void {
    for (const socket of this.#sockets) socket.write(`${JSON.stringify(envelope)}\n`)
  }

  /** Resolves when `holds` does; asked again whenever something came. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await once(this.#news, 'received')
  }

  #connected(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket))
    createInterface(socket).on('line', line => {
      const envelope = JSON.parse(line) as Envelope
      if (envelope.type === 'hello') {
        this.hellos.push(envelope)
        socket.write('{"type":"welcome","payload":{"protocol":1}}\n')
      } else this.received.push(envelope)
      this.#news.emit('received')
    })
  }
}
