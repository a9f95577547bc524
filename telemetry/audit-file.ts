// The file of the audit log on the disk: where its chain ends, adding to it, setting it aside when it is large.
//
//   audit.log.3   audit.log.2   audit.log.1   audit.log        oldest first; one chain through all of them
//
// Only ever added to. What a killed process left half written stays where it is, and is told to whoever opened the file.

import { constants } from 'node:fs'
import { access, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { isCode } from '../broker/ground/home.ts'
import { CHAIN_START, digest, readAuditLine, type ChainEnd } from './audit-chain.ts'

interface AuditFileLimits {
  /** bytes */
  readonly maxFileBytes: number
  /** Files set aside that are kept; 0: none. */
  readonly keepFiles: number
}

/** Bytes behind the last entry that are none, with the line end that closes them. */
interface BrokenTail {
  readonly bytes: number
  /** SHA-256 of them, hex. */
  readonly hash: string
}

const LOOK_BACK_BYTES = 64 * 1024
const NEWLINE = 0x0a
const closingNewline = Buffer.from('\n')

export class AuditFile {
  /** The last entry there was when it was opened. */
  readonly end: ChainEnd
  readonly broken: BrokenTail | undefined
  readonly #path: string
  readonly #limits: AuditFileLimits
  readonly #onNotSetAside: (error: unknown) => void
  #handle: FileHandle
  #bytes: number
  /** From this size on it is set aside; more than the limit after an attempt that failed. */
  #largeBytes: number
  #endsInLine: boolean

  /** Opens or makes the file (mode 0600). `onNotSetAside` is told when it has grown too large and cannot be renamed; it is added to then, all the same. */
  static async open(path: string, limits: AuditFileLimits, onNotSetAside: (error: unknown) => void = () => {}): Promise<AuditFile> {
    const handle = await openToAppend(path)
    try {
      const tail = await readTail(handle)
      const end = tail.end ?? (await newestSetAside(path)) ?? CHAIN_START
      return new AuditFile(path, limits, onNotSetAside, handle, { ...tail, end })
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  private constructor(path: string, limits: AuditFileLimits, onNotSetAside: (error: unknown) => void, handle: FileHandle, tail: Tail & { readonly end: ChainEnd }) {
    this.#path = path
    this.#limits = limits
    this.#onNotSetAside = onNotSetAside
    this.#handle = handle
    this.#bytes = tail.size
    this.#largeBytes = limits.maxFileBytes
    this.#endsInLine = tail.endsInLine
    this.end = tail.end
    this.broken = tail.broken
  }

  /** Adds whole lines; resolves when the disk has them. After a rejection the file is of no use: part of them may be there. */
  async append(lines: Uint8Array): Promise<void> {
    if (this.#bytes > 0 && this.#bytes + lines.length > this.#largeBytes) await this.#setAside()
    if (!(await this.#isNamed())) throw new Error('somebody renamed, replaced or removed it')
    const bytes = this.#endsInLine ? Buffer.concat([closingNewline, lines]) : lines
    await this.#handle.appendFile(bytes)
    await this.#handle.datasync()
    this.#endsInLine = false
    this.#bytes += bytes.length
  }

  close(): Promise<void> {
    return this.#handle.close()
  }

  // What is written to a file without its name would be read by nobody.
  async #isNamed(): Promise<boolean> {
    const [own, named] = await Promise.all([this.#handle.stat(), stat(this.#path).catch(() => undefined)])
    return own.ino === named?.ino && own.dev === named.dev
  }

  async #setAside(): Promise<void> {
    const { maxFileBytes, keepFiles } = this.#limits
    try {
      await makeRoom(this.#path, keepFiles)
      if (keepFiles === 0) await rm(this.#path)
      else await rename(this.#path, setAsidePath(this.#path, 1))
    } catch (error) {
      this.#largeBytes = this.#bytes + maxFileBytes
      return this.#onNotSetAside(error)
    }
    const old = this.#handle
    this.#handle = await openToAppend(this.#path)
    this.#bytes = 0
    this.#largeBytes = maxFileBytes
    this.#endsInLine = false
    await old.close()
  }
}

/** The files of the log that there are, oldest first; `path` itself comes last, when it exists. */
export async function auditFiles(path: string): Promise<string[]> {
  const numbers = await setAsideNumbers(path)
  const files = numbers.toSorted((a, b) => b - a).map((number) => setAsidePath(path, number))
  return (await exists(path)) ? [...files, path] : files
}

function setAsidePath(path: string, number: number): string {
  return `${path}.${number}`
}

async function setAsideNumbers(path: string): Promise<number[]> {
  const prefix = `${basename(path)}.`
  const found = await readdir(dirname(path), { withFileTypes: true }).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return []
    throw error
  })
  const numbers = found.filter((entry) => entry.isFile() && entry.name.startsWith(prefix)).map(({ name }) => name.slice(prefix.length))
  return numbers.filter((text) => /^[1-9]\d{0,5}$/.test(text)).map(Number)
}

/** Leaves no file under the number 1, and none above `keep` - 1 but the last. */
async function makeRoom(path: string, keep: number): Promise<void> {
  const numbers = new Set(await setAsideNumbers(path))
  // After a kill in the middle of this a number may be free: nothing above it needs to move.
  let free = 1
  while (numbers.has(free) && free < keep) free++
  for (let number = free - 1; number >= 1; number--) await rename(setAsidePath(path, number), setAsidePath(path, number + 1))
  for (const number of numbers) if (number > keep) await rm(setAsidePath(path, number), { force: true })
}

interface Tail {
  readonly size: number
  /** undefined: there is no entry in the file. */
  readonly end: ChainEnd | undefined
  readonly broken: BrokenTail | undefined
  /** Its last byte is no line end. */
  readonly endsInLine: boolean
}

// Backwards, in windows that grow: a whole log is read only where nothing in it is an entry.
async function readTail(handle: FileHandle): Promise<Tail> {
  const { size } = await handle.stat()
  for (let window = LOOK_BACK_BYTES; ; window *= 4) {
    const start = Math.max(0, size - window)
    const bytes = Buffer.alloc(size - start)
    await readFully(handle, bytes, start)
    const found = lastEntry(bytes)
    if (found === undefined && start > 0) continue
    const rest = bytes.subarray(found?.next ?? 0)
    const endsInLine = bytes.length > 0 && bytes.at(-1) !== NEWLINE
    const broken = rest.length === 0 ? undefined : brokenTail(rest)
    return { size, end: found?.end, broken, endsInLine }
  }
}

function lastEntry(bytes: Buffer): { end: ChainEnd; next: number } | undefined {
  for (let lineEnd = bytes.length; lineEnd > 0; ) {
    const lineStart = bytes.lastIndexOf(NEWLINE, lineEnd - 1) + 1
    const entry = readAuditLine(bytes.subarray(lineStart, lineEnd))
    if (entry !== undefined) return { end: { seq: entry.seq, hash: entry.hash }, next: Math.min(bytes.length, lineEnd + 1) }
    lineEnd = lineStart - 1
  }
  return undefined
}

function brokenTail(rest: Buffer): BrokenTail {
  const closed = rest.at(-1) === NEWLINE ? rest : Buffer.concat([rest, closingNewline])
  return { bytes: closed.length, hash: digest(closed) }
}

async function readFully(handle: FileHandle, into: Buffer, from: number): Promise<void> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await handle.read(into, done, into.length - done, from + done)
    if (bytesRead === 0) return
    done += bytesRead
  }
}

async function newestSetAside(path: string): Promise<ChainEnd | undefined> {
  const numbers = await setAsideNumbers(path)
  if (numbers.length === 0) return undefined
  const handle = await open(setAsidePath(path, Math.min(...numbers)))
  try {
    return (await readTail(handle)).end
  } finally {
    await handle.close()
  }
}

async function openToAppend(path: string): Promise<FileHandle> {
  const handle = await open(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
  const { mode } = await handle.stat()
  if ((mode & 0o077) !== 0) await handle.chmod(0o600)
  return handle
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
