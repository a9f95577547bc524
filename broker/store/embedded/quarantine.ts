// Keeps what a repair could not understand, one JSON object a line: whatever columns could be read, bytes in base64. Nothing is thrown away.

import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'

/** Rows of which the bytes are kept whole; longer ones stand in the old files alone. */
const MAX_ROW = 64 * 1024 * 1024

export class Quarantine {
  readonly path: string
  /** Lines that were written. */
  count = 0
  #file: number | undefined

  /** @param path made with the first line; undefined: nothing is written, only counted */
  constructor(path: string | undefined) {
    this.path = path ?? ''
  }

  add(queue: string, problem: string, row: object): void {
    this.count++
    if (this.path === '') return
    this.#file ??= openSync(this.path, 'wx', 0o600)
    writeSync(this.#file, `${JSON.stringify({ queue, problem, ...row }, readable)}\n`)
  }

  close(): void {
    if (this.#file === undefined) return
    fsyncSync(this.#file)
    closeSync(this.#file)
    this.#file = undefined
  }
}

function readable(this: unknown, key: string, value: unknown): unknown {
  // Buffers come with a form of their own by toJSON.
  const raw = (this as Record<string, unknown>)[key]
  if (raw instanceof Uint8Array) return { $base64: Buffer.from(raw.subarray(0, MAX_ROW)).toString('base64') }
  return typeof value === 'bigint' ? { $int: String(value) } : value
}
