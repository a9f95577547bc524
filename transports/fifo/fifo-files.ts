// The two FIFOs of a pair in the file system: made, opened without waiting for anybody, and removed. Knows no links.

import { closeSync, constants, fstatSync, lstatSync, openSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { duplicate } from '../../native/duplicate.ts'
import { makeFifo } from '../../native/make-fifo.ts'

const AT_ONCE = constants.O_NONBLOCK | constants.O_NOFOLLOW

export class FifoFiles {
  /** What programs write to. */
  readonly input: string
  /** What they read from. */
  readonly output: string
  readonly #inodes: readonly number[]

  /**
   * Makes `<name>.in` and `<name>.out`, mode 0600, in the directory. FIFOs that stand there are a killed broker's: they are replaced, and who waits for that one is woken;
   * with `isShared` they are those of a process that makes way for this one, and stay: who has them open goes on.
   * @throws Error when something else stands there, or none can be made
   */
  constructor(directory: string, name: string, isShared: boolean) {
    this.input = join(directory, `${name}.in`)
    this.output = join(directory, `${name}.out`)
    this.#inodes = [this.input, this.output].map((path) => (isShared ? standing(path) : undefined) ?? replace(path))
  }

  /** Nobody has removed them, or put others in their place. */
  get areThere(): boolean {
    return [this.input, this.output].every((path, i) => lstatSync(path, { throwIfNoEntry: false })?.ino === this.#inodes[i])
  }

  /** For reading: its end is seen when the last writer has closed it. @throws Error also where it is another one by now: what comes there is for its owner */
  openInput(): number {
    const fd = openSync(this.input, constants.O_RDONLY | AT_ONCE)
    if (fstatSync(fd).ino !== this.#inodes[0]) {
      closeSync(fd)
      throw new Error('another one stands in its place')
    }
    return forSocket(fd)
  }

  /** For writing: held open for reading too, so that it never is without a reader. */
  openOutput(): number {
    return forSocket(openSync(this.output, constants.O_RDWR | AT_ONCE))
  }

  /** Those that another process has put in their place stay. */
  remove(): void {
    for (const [i, path] of [this.input, this.output].entries()) if (lstatSync(path, { throwIfNoEntry: false })?.ino === this.#inodes[i]) rmSync(path, { force: true })
  }
}

// What a worker thread has opened by `fs` it closes when it ends, by number: whatever stands there by then, where a socket has closed it before.
function forSocket(fd: number): number {
  try {
    const own = duplicate(fd)
    if (own === undefined) throw new Error('no descriptor is to be had')
    return own
  } finally {
    closeSync(fd)
  }
}

// The inode; undefined: no FIFO stands there.
function standing(path: string): number | undefined {
  const status = lstatSync(path, { throwIfNoEntry: false })
  return status?.isFIFO() === true ? status.ino : undefined
}

// Gives the inode. The name is never without a FIFO.
function replace(path: string): number {
  const before = lstatSync(path, { throwIfNoEntry: false })
  if (before !== undefined && !before.isFIFO()) throw new Error(`${path} is no FIFO; move it away, or choose another name`)
  const draft = `${path}.new`
  rmSync(draft, { force: true })
  makeFifo(draft)
  // Whoever waits in open() for the other end has it now, and sees that there is nobody.
  const old = before === undefined ? undefined : openSync(path, constants.O_RDWR | AT_ONCE)
  renameSync(draft, path)
  if (old !== undefined) closeSync(old)
  const fd = openSync(path, constants.O_RDWR | AT_ONCE)
  try {
    return fstatSync(fd).ino
  } finally {
    closeSync(fd)
  }
}
