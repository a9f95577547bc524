// Calls of Linux that Node does not offer, for a process that confines itself. Knows numbers and buffers, no policy.

import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { getSystemErrorName } from 'node:util'
import type * as Koffi from 'koffi'

/** Where a word is meant as an address, the buffer; else a number. */
type Word = number | bigint | Uint8Array | null

interface Libc {
  /** @throws Error `name: ERRNO` when the kernel refuses */
  call(name: string, number: number, ...words: readonly Word[]): number
  /** Becomes another program, with these streams: 0, 1 and 2. Returns only when that cannot be done. */
  execve(path: string, words: readonly string[], environment: readonly string[]): void
  /** Leaves a descriptor to the program that this process becomes by `process.execve`. @throws Error likewise */
  keepOpen(fd: number): void
  /** Puts the signal back to what it does by default. */
  resetSignal(signal: number): void
  /** What the last call that failed said, such as `EPERM`. */
  problem(): string
}

const SIG_DFL = 0
const F_SETFD = 2
const CLOSE_RANGE = 436
const CLOSE_RANGE_CLOEXEC = 4
const STANDARD_STREAMS = [0, 1, 2]
const MOST_WORDS = 5

let loaded: Libc | undefined

/** Loaded at the first call: 7 to 11 ms. @throws Error where koffi has no build for this system */
export function libc(): Libc {
  loaded ??= load()
  return loaded
}

function load(): Libc {
  const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi
  const library = koffi.load(null)
  const problem = (): string => nameOf(koffi.errno())
  // One prototype for each pattern of numbers and addresses that occurs: made when it is first met.
  const prototypes = new Map<string, (...words: readonly Word[]) => number>()
  const prototype = (words: readonly Word[]): ((...words: readonly Word[]) => number) => {
    const key = words.map(word => (typeof word === 'object' ? 'p' : 'n')).join('')
    const known = prototypes.get(key)
    if (known !== undefined) return known
    const made = library.func('syscall', 'long', ['long', ...words.map(word => (typeof word === 'object' ? 'void *' : 'int64'))]) as (...words: readonly Word[]) => number
    prototypes.set(key, made)
    return made
  }
  return {
    call(name, number, ...given) {
      // A register that a call does not use must not hold what was left there: some calls refuse that.
      const words = [...given, ...Array.from({ length: MOST_WORDS - given.length }, () => 0)]
      const result = prototype(words)(number, ...words)
      if (result < 0) throw new Error(`${name}: ${problem()}`)
      return result
    },
    execve(path, words, environment) {
      // Node closes what it inherited when it makes way for another program (uv_disable_stdio_inheritance).
      for (const fd of STANDARD_STREAMS) this.keepOpen(fd)
      // What whoever started the broker left open is not for the agent.
      this.call('close_range', CLOSE_RANGE, STANDARD_STREAMS.length, 0xffff_ffff, CLOSE_RANGE_CLOEXEC)
      const run = library.func('execve', 'int', ['str', 'str *', 'str *']) as (path: string, words: readonly (string | null)[], environment: readonly (string | null)[]) => number
      run(path, [...words, null], [...environment, null])
    },
    keepOpen(fd) {
      this.call('fcntl', byProcessor(72, 25), fd, F_SETFD, 0)
    },
    resetSignal(signal) {
      const set = library.func('signal', 'void *', ['int', 'intptr']) as (signal: number, handler: number) => unknown
      set(signal, SIG_DFL)
    },
    problem,
  }
}

function nameOf(errno: number): string {
  try {
    return getSystemErrorName(-errno)
  } catch {
    return `errno ${errno}`
  }
}

/** Directory of packages in which koffi is, and its library for this system. */
export function koffiFolder(): string {
  return dirname(dirname(createRequire(import.meta.url).resolve('koffi')))
}

/** The numbers of system calls differ by processor; those added since 2019 do not. */
export function byProcessor(x64: number, arm64: number): number {
  if (process.arch === 'x64') return x64
  if (process.arch === 'arm64') return arm64
  throw new Error(`system calls of ${process.arch} are not known here, only those of x64 and arm64`)
}

/** A text as C has it. */
export function cString(text: string): Uint8Array {
  return Buffer.from(`${text}\0`)
}

/** 64-bit words one after the other, as the structures of newer calls are. */
export function words64(...words: readonly (number | bigint)[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(words, BigInt).buffer)
}
