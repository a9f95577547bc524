// The memory that a broker shares with the clients of its host: a directory in /dev/shm, and what is on loan out of it.

import { lstatSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { MemoryLender, type MemoryLoan } from '../../broker/ground/memory-lender.ts'
import { processStamp } from '../../broker/ground/process-stamp.ts'
import type { Log, Wrap } from '../../broker/ground/types.ts'

export interface HostMemoryOptions {
  /** Of the home, for people who look into the directory. 8 to 32 letters and digits. */
  readonly broker: string
  readonly thresholdBytes: number
  /** Most bytes on loan and kept for the next loan. */
  readonly limitBytes: number
  /** Most bytes of what a client lends. */
  readonly maxTakenBytes: number
  /** See MemoryOffer. */
  readonly aheadBytes: number
  /** The frame that says what stands in a segment. */
  readonly lentFrame: (number: number, bytes: number) => Uint8Array
  readonly log: Log
  /** default /dev/shm */
  readonly root?: string
  /** What tells namespaces of pids apart; default /proc/self/ns/pid */
  readonly namespace?: string
}

/** What a write says instead of a large piece. */
export interface LentPiece {
  readonly loan: MemoryLoan
  /** The piece itself, for receivers that cannot have the loan. */
  readonly original: Uint8Array
}

/** File system in memory, on Linux. */
const ROOT = '/dev/shm'
const MAX_SEGMENTS = 64
const PREFIX = 'callboard'

export class HostMemory {
  readonly thresholdBytes: number
  readonly limitBytes: number
  readonly maxTakenBytes: number
  readonly aheadBytes: number
  /** Puts large pieces into segments; what a link then writes of them is its decision. */
  readonly wrap: Wrap = pieces => this.#wrap(pieces)
  readonly #options: HostMemoryOptions
  readonly #lent = new WeakMap<Uint8Array, LentPiece>()
  #directory: string | undefined
  #lender: MemoryLender | undefined
  #isUnavailable = false
  #links = 0

  constructor(options: HostMemoryOptions) {
    this.#options = options
    this.thresholdBytes = options.thresholdBytes
    this.limitBytes = options.limitBytes
    this.maxTakenBytes = options.maxTakenBytes
    this.aheadBytes = options.aheadBytes
  }

  /** What the broker's own segments take. bytes */
  get heldBytes(): number {
    return this.#lender?.heldBytes ?? 0
  }

  /** Segments of the broker that somebody holds. */
  get loans(): number {
    return this.#lender?.loans ?? 0
  }

  /** Where it is; made when it is first asked for. undefined: there is none to be had. */
  get directory(): string | undefined {
    if (this.#directory !== undefined || this.#isUnavailable) return this.#directory
    const { broker, log, limitBytes, root = ROOT } = this.#options
    try {
      // Without a readable /proc there is none: nobody could tell later whose it was.
      const stamp = `${process.pid}.${ticks(process.pid)}.${this.#pidNamespace()}`
      const directory = join(root, `${PREFIX}-${broker}-${stamp}-${randomBytes(16).toString('hex')}`)
      mkdirSync(directory, { mode: 0o700 })
      this.#lender = new MemoryLender({ directory, limitBytes, maxSegments: MAX_SEGMENTS })
      return (this.#directory = directory)
    } catch (error) {
      this.#isUnavailable = true
      log.info({ err: error, root }, 'no memory is shared with clients')
      return undefined
    }
  }

  /** A directory for the segments of one client; it goes when the caller removes it. */
  makeClientDirectory(): string | undefined {
    const { directory } = this
    if (directory === undefined) return undefined
    try {
      return this.#clientDirectory(directory)
    } catch (error) {
      if (isGone(error)) return this.#anew(directory)
      this.#options.log.warn({ err: error, directory }, 'a client cannot share memory')
      return undefined
    }
  }

  /** What stands behind a piece that `wrap` gave; undefined: it is as it was. */
  lentPiece(piece: Uint8Array): LentPiece | undefined {
    return this.#lent.get(piece)
  }

  /** Removes what brokers of this user left that were killed, whatever their homes: nobody may ever start there again. Those that run keep theirs, as do those of which that cannot be known here. */
  removeLeftovers(): void {
    const { log, root = ROOT } = this.#options
    for (const name of namesIn(root)) {
      const directory = join(root, name)
      if (!this.#isLeftover(name) || lstatSync(directory, { throwIfNoEntry: false })?.uid !== process.getuid?.()) continue
      log.info({ directory }, 'removing the shared memory that a broker left behind')
      remove(directory)
    }
  }

  /** Gives the memory back; clients that still read have the files open. */
  close(): void {
    this.#lender?.close()
    if (this.#directory !== undefined) remove(this.#directory)
    this.#directory = undefined
    this.#isUnavailable = true
  }

  // systemd removes what a user has in /dev/shm when his last session ends (RemoveIPC), of a broker that goes on too.
  #anew(gone: string): string | undefined {
    const { log } = this.#options
    log.warn({ directory: gone }, 'somebody has removed the memory shared with clients (RemoveIPC of systemd-logind?); it is made anew')
    this.#lender?.close()
    this.#directory = this.#lender = undefined
    const { directory } = this
    try {
      return directory === undefined ? undefined : this.#clientDirectory(directory)
    } catch (error) {
      log.warn({ err: error, directory }, 'a client cannot share memory')
      return undefined
    }
  }

  #clientDirectory(directory: string): string {
    const own = join(directory, `c${++this.#links}`)
    mkdirSync(own, { mode: 0o700 })
    return own
  }

  // A pid means something in one namespace alone; /dev/shm may be shared by several.
  #pidNamespace(): string {
    return String(statSync(this.#options.namespace ?? '/proc/self/ns/pid').ino)
  }

  // Of letters and digits, so that the name can be taken apart.
  #isLeftover(name: string): boolean {
    const [prefix, , stamp] = name.split('-')
    const [pid, started, namespace] = stamp?.split('.') ?? []
    if (prefix !== PREFIX || namespace === undefined) return false
    try {
      return namespace === this.#pidNamespace() && started !== ticks(Number(pid))
    } catch {
      return false
    }
  }

  #wrap(pieces: readonly Uint8Array[]): readonly Uint8Array[] {
    if (!pieces.some(piece => piece.length >= this.thresholdBytes)) return pieces
    return pieces.map(piece => (piece.length < this.thresholdBytes ? piece : this.#lend(piece)))
  }

  #lend(original: Uint8Array): Uint8Array {
    const loan = this.#lender?.lend(original)
    if (loan === undefined) return original
    const frame = this.#options.lentFrame(loan.number, loan.bytes)
    this.#lent.set(frame, { loan, original })
    // Until all links that write it in this turn have taken their hold.
    queueMicrotask(() => loan.giveBack())
    return frame
  }
}

function ticks(pid: number): string | undefined {
  return processStamp(pid)?.split('/').at(-1)
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

function namesIn(root: string): string[] {
  try {
    return readdirSync(root)
  } catch {
    return []
  }
}

function remove(directory: string): void {
  try {
    rmSync(directory, { recursive: true, force: true })
  } catch {
    // Another user's, by a name like ours: none of ours to remove.
  }
}
