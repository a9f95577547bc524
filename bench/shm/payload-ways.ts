// Ways of handing a payload to another process of the host: in frames, or as a reference to memory that both can reach.

import { closeSync, fstatSync, ftruncateSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

/** `frames`: on the socket. `shared`: as the broker shares memory with its clients. The others are prototypes that send a reference in a message of its own: `file`: a file in /dev/shm for each payload. `pool`: files that are written again. `map`: the same, mapped. */
export const ways = ['frames', 'shared', 'file', 'pool', 'map'] as const
export type Way = (typeof ways)[number]

/** What travels in place of the payload. */
export interface Reference {
  readonly way: Exclude<Way, 'frames' | 'shared'>
  readonly path: string
  readonly bytes: number
}

const PAGE_BYTES = 4096
const PROT_READ = 1
const PROT_WRITE = 2
const MAP_SHARED = 1

/** The sender's end: holds what it wrote until it is told that everybody has it. */
export class Lender {
  readonly #directory: string
  readonly #kept = new Map<string, number | Uint8Array>()
  #count = 0

  /** `directory`: one of its own, in memory. */
  constructor(directory: string) {
    this.#directory = directory
  }

  lend(way: Reference['way'], payload: Uint8Array): Reference {
    const reference = { way, path: join(this.#directory, way === 'file' ? `file-${this.#count++}` : `${way}-${payload.length}`), bytes: payload.length }
    if (way === 'map') this.#mapped(reference).set(payload)
    else {
      const fd = way === 'file' ? openSync(reference.path, 'wx', 0o600) : this.#opened(reference)
      writeWhole(fd, payload)
      if (way === 'file') closeSync(fd)
    }
    return reference
  }

  takeBack({ way, path }: Reference): void {
    if (way === 'file') unlinkSync(path)
  }

  #opened({ path }: Reference): number {
    const known = this.#kept.get(path) ?? openSync(path, 'wx', 0o600)
    this.#kept.set(path, known)
    return known as number
  }

  #mapped({ path, bytes }: Reference): Uint8Array {
    const known = this.#kept.get(path)
    if (known !== undefined) return known as Uint8Array
    const fd = openSync(path, 'wx+', 0o600)
    ftruncateSync(fd, bytes)
    const view = map(fd, bytes, PROT_READ | PROT_WRITE)
    closeSync(fd)
    this.#kept.set(path, view)
    return view
  }
}

/** The receiver's end. */
export class Borrower {
  readonly #kept = new Map<string, number | Uint8Array>()

  borrow({ way, path, bytes }: Reference): Uint8Array {
    if (way === 'map') return touched(this.#mapped(path, bytes))
    const fd = way === 'file' ? openSync(path, 'r') : (this.#kept.get(path) as number | undefined) ?? openSync(path, 'r')
    const payload = Buffer.allocUnsafeSlow(bytes)
    readWhole(fd, payload)
    if (way === 'file') closeSync(fd)
    else this.#kept.set(path, fd)
    return payload
  }

  #mapped(path: string, bytes: number): Uint8Array {
    const known = this.#kept.get(path)
    if (known !== undefined) return known as Uint8Array
    const fd = openSync(path, 'r')
    if (fstatSync(fd).size < bytes) throw new Error(`${path} is too short`)
    const view = map(fd, bytes, PROT_READ)
    closeSync(fd)
    this.#kept.set(path, view)
    return view
  }
}

function writeWhole(fd: number, payload: Uint8Array): void {
  for (let at = 0; at < payload.length;) at += writeSync(fd, payload, at, payload.length - at, at)
}

function readWhole(fd: number, payload: Uint8Array): void {
  for (let at = 0; at < payload.length;) {
    const read = readSync(fd, payload, at, payload.length - at, at)
    if (read === 0) throw new Error('the file is shorter than was said')
    at += read
  }
}

// Whoever gets a payload reads it: what is mapped alone is not there yet. Every line of the processor's cache counts, a page's first is enough to have it mapped.
function touched(payload: Uint8Array): Uint8Array {
  let sum = 0
  for (let at = 0; at < payload.length; at += PAGE_BYTES) sum += payload[at]!
  if (sum < 0) throw new Error('no bytes are negative')
  return payload
}

function map(fd: number, bytes: number, protection: number): Uint8Array {
  const koffi = createRequire(import.meta.url)('koffi') as { load(name: null): { func(declaration: string): (...words: unknown[]) => unknown }; view(pointer: unknown, bytes: number): ArrayBuffer }
  const mmap = koffi.load(null).func('void *mmap(void *address, size_t length, int protection, int flags, int fd, int64 offset)')
  return new Uint8Array(koffi.view(mmap(null, bytes, protection, MAP_SHARED, fd, 0), bytes))
}
