// Writes bytes where another process of this host can read them: into files in memory, which are used again and again.
//
//   lend ─▶ [ on loan: holders 1..n ] ── the last one gives it back ──▶ [ free ] ── lend, the warmest first
//                  └─ a holder is gone, and may still read ──▶ never written again: unlinked when the others are done
//
// Written by write(2) and read by read(2), not mapped: a file that is cut short under a mapping kills who reads there
// (SIGBUS), and a full /dev/shm who writes. See docs/adr/0025.

import { closeSync, constants, ftruncateSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { segmentName } from './shared-memory.ts'

export interface LenderOptions {
  /** Where the segments lie; it is there already. */
  readonly directory: string
  /** Most bytes of all segments. */
  readonly limitBytes: number
  readonly maxSegments: number
  /** After so long without use the memory of a segment is given back to the system. ms */
  readonly idleMs?: number
}

interface Segment {
  readonly number: number
  readonly path: string
  readonly fd: number
  /** What it takes of the memory. */
  bytes: number
  freeSinceMs: number
}

const IDLE_MS = 5000
/** After a write that failed, for want of memory most likely, nothing is tried for so long. ms */
const PAUSE_MS = 1000
const PAGE_BYTES = 4096
/** Others of the same user can read it; who writes has had it open from the start. */
const MODE = 0o400

/** Never used twice in a process: what is said late of one segment must not concern another. */
let lastNumber = 0

/** Bytes in a segment, for as long as somebody holds them. */
export class MemoryLoan {
  readonly number: number
  readonly bytes: number
  readonly #end: (isReusable: boolean) => void
  #holders = 1
  #isReusable = true

  constructor(number: number, bytes: number, end: (isReusable: boolean) => void) {
    this.number = number
    this.bytes = bytes
    this.#end = end
  }

  /** One more holds it; false: it is over, and something else may stand there. */
  hold(): boolean {
    if (this.#holders === 0) return false
    this.#holders++
    return true
  }

  /** One holds it no more. `mayStillRead`: nobody knows whether it has read, so what stands there must stay. */
  giveBack(mayStillRead = false): void {
    if (mayStillRead) this.#isReusable = false
    if (--this.#holders === 0) this.#end(this.#isReusable)
  }
}

export class MemoryLender {
  readonly #options: LenderOptions
  /** The one that was used last is the last one: its memory is in the processor's cache. */
  #free: Segment[] = []
  readonly #lent = new Set<Segment>()
  #bytes = 0
  #pausedUntilMs = 0
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: LenderOptions) {
    this.#options = options
  }

  /** What all segments take of the memory. */
  get heldBytes(): number {
    return this.#bytes
  }

  /** Segments with something in them that was not given back. */
  get loans(): number {
    return this.#lent.size
  }

  /** A loan with one holder, of a copy of `bytes`; undefined: there is no room now. */
  lend(bytes: Uint8Array): MemoryLoan | undefined {
    if (this.#isClosed || performance.now() < this.#pausedUntilMs) return undefined
    const segment = this.#segmentFor(bytes.length)
    if (segment === undefined) return undefined
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(segment.fd, bytes, at, bytes.length - at, at)
    } catch {
      this.#pausedUntilMs = performance.now() + PAUSE_MS
      this.#empty(segment)
      this.#free.unshift(segment)
      return undefined
    }
    this.#lent.add(segment)
    return new MemoryLoan(segment.number, bytes.length, isReusable => this.#takeBack(segment, isReusable))
  }

  /** Gives the memory up. Files stay as long as their directory: somebody may still read them. */
  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    for (const { fd } of [...this.#free, ...this.#lent]) closeSync(fd)
    this.#free = []
    this.#lent.clear()
    this.#bytes = 0
  }

  #segmentFor(bytes: number): Segment | undefined {
    const wanted = pages(bytes)
    const { limitBytes, maxSegments } = this.#options
    const index = this.#free.findLastIndex(segment => segment.bytes >= wanted)
    // One that is too small grows.
    const segment = index >= 0 ? this.#free.splice(index, 1)[0] : (this.#free.pop() ?? (this.#lent.size < maxSegments ? this.#make() : undefined))
    if (segment === undefined) return undefined
    const more = Math.max(0, wanted - segment.bytes)
    for (const other of this.#free) {
      if (this.#bytes + more <= limitBytes) break
      this.#empty(other)
    }
    if (this.#bytes + more > limitBytes) {
      this.#free.push(segment)
      return undefined
    }
    segment.bytes += more
    this.#bytes += more
    return segment
  }

  #make(): Segment | undefined {
    const number = ++lastNumber
    const path = join(this.#options.directory, segmentName(number))
    try {
      const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, MODE)
      return { number, path, fd, bytes: 0, freeSinceMs: 0 }
    } catch {
      this.#pausedUntilMs = performance.now() + PAUSE_MS
      return undefined
    }
  }

  #takeBack(segment: Segment, isReusable: boolean): void {
    // Closed meanwhile.
    if (!this.#lent.delete(segment)) return
    if (isReusable) {
      segment.freeSinceMs = performance.now()
      this.#free.push(segment)
      this.#timer ??= setTimeout(() => this.#tidy(), this.#options.idleMs ?? IDLE_MS).unref()
      return
    }
    this.#bytes -= segment.bytes
    closeSync(segment.fd)
    rmSync(segment.path, { force: true })
  }

  #tidy(): void {
    this.#timer = undefined
    const { idleMs = IDLE_MS } = this.#options
    const now = performance.now()
    for (const segment of this.#free) if (now - segment.freeSinceMs >= idleMs) this.#empty(segment)
    if (this.#bytes > 0) this.#timer = setTimeout(() => this.#tidy(), idleMs).unref()
  }

  #empty(segment: Segment): void {
    ftruncateSync(segment.fd, 0)
    this.#bytes -= segment.bytes
    segment.bytes = 0
  }
}

function pages(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES
}
