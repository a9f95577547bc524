// Reads what another process has put into its segments. Whatever that one does to its files, here is an error at worst.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { BrokerError } from './errors.ts'
import { segmentName } from './shared-memory.ts'

/** Segments that stay open; who lends has a few and uses them again. */
const MAX_OPEN = 16
/** Nothing of these is followed, waited for, or controls this process, whatever stands under the name. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY

export class MemoryBorrower {
  readonly #directory: string
  readonly #maxBytes: number
  readonly #maxOpen: number
  /** The one that was read last is the last one. */
  readonly #open = new Map<number, number>()

  /** `maxBytes`: most that is read at a time; `maxOpen`: segments that stay open. */
  constructor(directory: string, maxBytes: number, maxOpen = MAX_OPEN) {
    this.#directory = directory
    this.#maxBytes = maxBytes
    this.#maxOpen = maxOpen
  }

  /**
   * The first `bytes` bytes of segment `number`, in memory of the caller's own: what the other end does afterwards changes nothing.
   * @throws BrokerError `memory.unreadable`
   */
  read(number: number, bytes: number): Uint8Array {
    const path = join(this.#directory, segmentName(number))
    if (!(bytes > 0 && bytes <= this.#maxBytes)) throw unreadable(path, `${bytes} bytes were announced, 1 to ${this.#maxBytes} are allowed`)
    try {
      const fd = this.#descriptor(number, path)
      // Before memory is taken for it: an announced length alone reserves nothing.
      const { size } = fstatSync(fd)
      if (size < bytes) throw unreadable(path, `it has ${size} bytes, ${bytes} were announced`)
      const content = Buffer.allocUnsafeSlow(bytes)
      for (let at = 0; at < bytes;) {
        const read = readSync(fd, content, at, bytes - at, at)
        if (read === 0) throw unreadable(path, `it ends after ${at} bytes, ${bytes} were announced`)
        at += read
      }
      return content
    } catch (error) {
      throw error instanceof BrokerError ? error : unreadable(path, error instanceof Error ? error.message : String(error), error)
    }
  }

  close(): void {
    for (const fd of this.#open.values()) closeSync(fd)
    this.#open.clear()
  }

  #descriptor(number: number, path: string): number {
    const known = this.#open.get(number)
    if (known !== undefined) {
      this.#open.delete(number)
      this.#open.set(number, known)
      return known
    }
    const fd = this.#openFile(path)
    const status = fstatSync(fd)
    if (!status.isFile() || status.uid !== process.getuid?.()) {
      closeSync(fd)
      throw unreadable(path, 'it is no file of the same user')
    }
    this.#open.set(number, fd)
    if (this.#open.size > this.#maxOpen) this.#closeOldest()
    return fd
  }

  // Where the process may open no more files, one that was kept for later makes room.
  #openFile(path: string): number {
    try {
      return openSync(path, FLAGS)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EMFILE') || this.#open.size === 0) throw error
      this.#closeOldest()
      return openSync(path, FLAGS)
    }
  }

  #closeOldest(): void {
    const [oldest] = this.#open
    closeSync(oldest![1])
    this.#open.delete(oldest![0])
  }
}

function unreadable(path: string, problem: string, cause?: unknown): BrokerError {
  return new BrokerError('memory.unreadable', { path, problem }, cause === undefined ? undefined : { cause })
}
