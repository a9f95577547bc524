// A way to a broker that a test can break: it carries bytes between a client and the broker's socket or port, until it
// is cut with whatever is on its way.

import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { temporaryDirectory, type Teardown } from './temporary-directory.ts'

type Address = { readonly path: string } | { readonly host: string; readonly port: number }

export class BreakablePath {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #isDown = false
  #bytesLeft = Infinity

  constructor(server: Server, target: Address) {
    this.#server = server
    server.on('connection', near => {
      if (this.#isDown) return near.destroy()
      const far = connect(target)
      for (const [from, to] of [[near, far], [far, near]] as const) {
        this.#sockets.add(from)
        from.on('error', () => {})
        from.on('close', () => {
          this.#sockets.delete(from)
          to.destroy()
        })
        from.on('data', chunk => this.#carry(chunk, from, to))
      }
    })
  }

  /** In front of a Unix socket; give clients the path. */
  static async toSocket(t: Teardown, socket: string): Promise<{ path: BreakablePath; socket: string }> {
    const front = join(temporaryDirectory(t), 'path.sock')
    return { path: await listen(t, { path: socket }, { path: front }), socket: front }
  }

  /** In front of a gateway; give clients the URL. */
  static async toGateway(t: Teardown, gateway: string): Promise<{ path: BreakablePath; url: string }> {
    const { hostname, port } = new URL(gateway)
    const path = await listen(t, { host: hostname, port: Number(port) }, { host: '127.0.0.1', port: 0 })
    return { path, url: `ws://127.0.0.1:${(path.#server.address() as AddressInfo).port}/` }
  }

  /** Breaks every connection; what was on its way is lost. Neither end is told more than that. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Cuts once so many more bytes have passed, both ways counted, wherever in a frame that is. */
  cutAfter(bytes: number): void {
    this.#bytesLeft = bytes
  }

  /** Cuts, and lets nobody through until `mend()`. */
  break(): void {
    this.#isDown = true
    this.cut()
  }

  mend(): void {
    this.#isDown = false
  }

  #carry(chunk: Buffer, from: Socket, to: Socket): void {
    const part = chunk.length < this.#bytesLeft ? chunk : chunk.subarray(0, this.#bytesLeft)
    this.#bytesLeft -= part.length
    if (!to.write(part)) {
      from.pause()
      to.once('drain', () => from.resume())
    }
    if (this.#bytesLeft > 0) return
    this.#bytesLeft = Infinity
    // What was carried so far still arrives.
    to.end(() => this.cut())
  }
}

async function listen(t: Teardown, target: Address, at: Address): Promise<BreakablePath> {
  const server = createServer()
  const path = new BreakablePath(server, target)
  t.teardown(() => {
    path.break()
    server.close()
  })
  server.listen(at)
  await once(server, 'listening')
  return path
}
