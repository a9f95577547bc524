// One socket of the load generator: bytes out, bytes in without a copy. Knows no dialect.

import { connect, type NetConnectOpts, type Socket } from 'node:net'
import type { Chunk } from './chunk.ts'

// All lines read into the same memory: a receiver that only counts has no use for a buffer of its own.
const shared = Buffer.allocUnsafeSlow(256 * 1024)

/** `unix:PATH` or `tcp:PORT` (loopback). */
export type Address = `unix:${string}` | `tcp:${number}`

export class Line {
  readonly socket: Socket
  /** Told of every read; the bytes are good until it returns. */
  onBytes: (bytes: Uint8Array) => void = () => {}
  /** Told once when the other end closes or the line breaks. */
  onLost: (problem: string) => void = () => {}

  private constructor(address: Address) {
    const target = address.startsWith('unix:') ? { path: address.slice(5) } : { port: Number(address.slice(4)), host: '127.0.0.1', noDelay: true }
    const onread = { buffer: shared, callback: (bytes: number) => this.#received(bytes) }
    this.socket = connect({ ...target, onread } as NetConnectOpts)
  }

  /** A connected line; rejects with the socket's error. */
  static open(address: Address): Promise<Line> {
    return new Promise((resolve, reject) => {
      const line = new Line(address)
      line.socket.once('error', reject)
      line.socket.once('connect', () => {
        line.socket.off('error', reject)
        line.socket.on('error', error => line.onLost(error.message))
        line.socket.on('close', () => line.onLost('closed by the server'))
        resolve(line)
      })
    })
  }

  close(): void {
    this.onLost = () => {}
    this.socket.destroy()
  }

  #received(bytes: number): boolean {
    this.onBytes(shared.subarray(0, bytes))
    return true
  }
}

/**
 * Writes the first `count` messages of `chunk`, together or each by itself. Returns the chunk to use next: another one
 * when the kernel did not take all at once, because these bytes must stay as they are then.
 */
export function writeMessages(line: Line, chunk: Chunk, count: number, isBatched: boolean): Chunk {
  if (isBatched) line.socket.write(chunk.slice(0, count))
  else for (let i = 0; i < count; i++) line.socket.write(chunk.slice(i, 1))
  return line.socket.writableLength > 0 ? chunk.copy() : chunk
}
