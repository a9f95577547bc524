// A TCP proxy in front of a server of the tests that behaves as bad networks do: it delays, limits, stalls one way or
// both, cuts in both manners, and loses one end without telling the other. Knows nothing of what it carries.

import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { TcpLane, type Weather } from './tcp-lane.ts'
import type { Teardown } from './temporary-directory.ts'

/** `up`: from whoever connected to the server. `down`: back. */
export type Way = 'up' | 'down' | 'both'

interface Proxied {
  readonly near: Socket
  /** undefined: it was lost. */
  far: Socket | undefined
  readonly up: TcpLane
  readonly down: TcpLane
}

const HOST = '127.0.0.1'

function calm(): Weather {
  return { delayMs: 0, jitterMs: 0, bytesPerSecond: Infinity, isStalled: false }
}

export class TcpProxy {
  /** `nats://127.0.0.1:<port>`, for clients of NATS. */
  readonly url: string
  readonly port: number
  readonly #server: Server
  readonly #connections = new Set<Proxied>()
  readonly #weather = { up: calm(), down: calm() }
  #isRefusing = false

  private constructor(server: Server, targetPort: number) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    this.url = `nats://${HOST}:${this.port}`
    server.on('connection', near => this.#accept(near, targetPort))
  }

  /** In front of a port of 127.0.0.1; it need not listen yet. Closed when the test ends. */
  static async start(t: Teardown, targetPort: number): Promise<TcpProxy> {
    // An end that says it has nothing more to send may still be told something.
    const server = createServer({ allowHalfOpen: true, noDelay: true })
    server.listen(0, HOST)
    await once(server, 'listening')
    const proxy = new TcpProxy(server, targetPort)
    t.teardown(() => proxy.#close())
    return proxy
  }

  /** Connections that both ends still hold. */
  get connections(): number {
    return [...this.#connections].filter(({ far }) => far !== undefined).length
  }

  /** Bytes that arrived here and are not passed on, on the connections that there are. */
  waiting(way: 'up' | 'down'): number {
    return [...this.#connections].reduce((sum, each) => sum + each[way].waitingBytes, 0)
  }

  /** From now on every byte is late by so much, and by up to `jitterMs` more; in order. */
  delay(delayMs: number, jitterMs = 0, way: Way = 'both'): void {
    this.#change(way, { delayMs, jitterMs })
  }

  /** From now on so many bytes per second pass on each connection. */
  limit(bytesPerSecond: number, way: Way = 'both'): void {
    this.#change(way, { bytesPerSecond })
  }

  /** Nothing passes; connections stay open and new ones are taken. What is sent waits, and passes after `flow()`. */
  stall(way: Way = 'both'): void {
    this.#change(way, { isStalled: true })
  }

  /** Ends a stall. */
  flow(way: Way = 'both'): void {
    this.#change(way, { isStalled: false })
  }

  /** Ends every connection for both ends, by a reset or by an ordinary end; what was on its way is lost. New ones are taken. */
  cut(how: 'reset' | 'end' = 'reset'): void {
    for (const { near, far, up, down } of this.#connections) {
      up.close()
      down.close()
      for (const socket of [near, far]) {
        if (how === 'reset') socket?.resetAndDestroy()
        else {
          // Whoever is told of an end closes; what it still sends goes nowhere.
          socket?.removeAllListeners('data').resume()
          socket?.end()
        }
      }
    }
  }

  /** The server's end of every connection is gone, as after the loss of a machine between; whoever connected hears nothing and may send for ever. */
  lose(): void {
    for (const connection of this.#connections) {
      const { near, far, up, down } = connection
      connection.far = undefined
      up.close()
      down.close()
      near.removeAllListeners('data').resume()
      far?.resetAndDestroy()
    }
  }

  /** Cuts, and lets nobody through until `accept()`. */
  refuse(): void {
    this.#isRefusing = true
    this.cut()
  }

  accept(): void {
    this.#isRefusing = false
  }

  #change(way: Way, weather: Partial<Weather>): void {
    if (way !== 'down') Object.assign(this.#weather.up, weather)
    if (way !== 'up') Object.assign(this.#weather.down, weather)
    for (const { up, down } of this.#connections) {
      up.changed()
      down.changed()
    }
  }

  #accept(near: Socket, targetPort: number): void {
    near.on('error', () => {})
    if (this.#isRefusing) {
      near.resetAndDestroy()
      return
    }
    const far = connect({ port: targetPort, host: HOST, allowHalfOpen: true, noDelay: true })
    const connection: Proxied = { near, far, up: new TcpLane(near, far, this.#weather.up), down: new TcpLane(far, near, this.#weather.down) }
    this.#connections.add(connection)
    far.on('error', () => {
      if (connection.far !== undefined) near.resetAndDestroy()
    })
    near.on('close', () => {
      this.#connections.delete(connection)
      connection.up.close()
      connection.down.close()
      far.destroy()
    })
  }

  #close(): void {
    this.refuse()
    for (const { near } of this.#connections) near.destroy()
    this.#server.close()
  }
}
