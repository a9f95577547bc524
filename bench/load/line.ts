// One socket of the load generator: bytes out, bytes in without a copy. Knows no dialect.

import { connect, type NetConnectOpts, type Socket } from 'node:net'
import type { Chunk } from './chunk.ts'
import { maskedFrame, Opcode } from './masking.ts'
import { Unframer } from './unframer.ts'
import { UpgradeAnswer, upgradeRequest } from './upgrade.ts'

// All lines read into the same memory: a receiver that only counts has no use for a buffer of its own.
const shared = Buffer.allocUnsafeSlow(256 * 1024)

/** `unix:PATH`, `tcp:PORT`, `ws:PORT` or `ws:PORT/PATH` (loopback). */
export type Address = `unix:${string}` | `tcp:${number}` | `ws:${number}` | `ws:${number}/${string}`

export class Line {
  readonly socket: Socket
  /** What it writes must be in masked frames, as `Chunk` and `send` make them. */
  readonly isMasked: boolean
  /** Told of every read; the bytes are good until it returns. Over WebSocket: what stands in binary messages. */
  onBytes: (bytes: Uint8Array) => void = () => {}
  /** Told once when the other end closes or the line breaks. */
  onLost: (problem: string) => void = () => {}
  #read: (bytes: Uint8Array) => void = bytes => this.onBytes(bytes)
  #isLost = false

  private constructor(address: Address, memory: Buffer) {
    this.isMasked = address.startsWith('ws:')
    const target = address.startsWith('unix:') ? { path: address.slice(5) } : { port: portOf(address), host: '127.0.0.1', noDelay: true }
    const onread = { buffer: memory, callback: (bytes: number) => this.#received(memory.subarray(0, bytes)) }
    this.socket = connect({ ...target, onread } as NetConnectOpts)
    this.socket.on('error', error => this.#lost(error.message))
    this.socket.on('close', () => this.#lost('closed by the server'))
  }

  /** A connected line, over WebSocket an upgraded one; a read takes at most `memory`. Rejects with the socket's error or the server's refusal. */
  static open(address: Address, memory = shared): Promise<Line> {
    return new Promise((resolve, reject) => {
      const line = new Line(address, memory)
      line.onLost = problem => reject(new Error(problem))
      line.socket.once('connect', () => {
        if (!line.isMasked) return resolve(line)
        line.#upgrade(address, resolve, reject)
      })
    })
  }

  /** Writes `message`, over WebSocket as a message of its own; for the few bytes that are no chunk. */
  send(message: Uint8Array): void {
    this.socket.write(this.isMasked ? maskedFrame(message) : message)
  }

  close(): void {
    this.onLost = () => {}
    this.socket.destroy()
  }

  #upgrade(address: Address, resolve: (line: Line) => void, reject: (error: unknown) => void): void {
    const answer = new UpgradeAnswer()
    const unframer = new Unframer({ data: bytes => this.onBytes(bytes), control: (opcode, payload) => this.#control(opcode, payload) })
    this.#read = bytes => {
      try {
        const behind = answer.receive(bytes)
        if (behind === undefined) return
        this.#read = more => unframer.receive(more)
        unframer.receive(behind)
        resolve(this)
      } catch (error) {
        reject(error)
      }
    }
    this.socket.write(upgradeRequest(portOf(address), address.replace(/^ws:\d+/, '') || '/'))
  }

  #control(opcode: number, payload: Uint8Array): void {
    if (opcode === Opcode.ping) this.socket.write(maskedFrame(payload, Opcode.pong))
    else if (opcode === Opcode.close) this.#lost(payload.length < 2 ? 'closed by the server' : `closed by the server: ${(payload[0]! << 8) | payload[1]!} ${Buffer.from(payload.subarray(2)).toString()}`)
  }

  #lost(problem: string): void {
    if (this.#isLost) return
    this.#isLost = true
    this.onLost(problem)
  }

  #received(bytes: Uint8Array): boolean {
    this.#read(bytes)
    return true
  }
}

function portOf(address: Address): number {
  return Number(/:(\d+)/.exec(address)?.[1])
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
