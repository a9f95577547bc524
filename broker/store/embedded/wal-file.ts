// Reads SQLite's write-ahead log as a file: which frames count, and which lie behind a damaged one. Knows no tables.
// Format: https://sqlite.org/fileformat2.html#the_write_ahead_log
//
//   header 32 │ frame header 24 │ page │ frame header 24 │ page │ …
//
// SQLite stops at the first frame whose checksum does not follow from the one before. The frames behind are whole pages all the same: each is
// checked here against the sums that stand in the frame before it, so that one damaged frame costs one page and not all that follow.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

export interface WalFrame {
  /** From 1. */
  readonly page: number
  /** Where the page's bytes begin in the file. */
  readonly at: number
  /** `counts`: SQLite takes it. `behind`: whole and of this log, but SQLite does not get there. */
  readonly state: 'counts' | 'behind'
}

export interface WalContents {
  readonly pageBytes: number
  /** In the order of the log. A `counts` frame is part of a transaction that was committed. */
  readonly frames: readonly WalFrame[]
  /** Frames of this log that are damaged, or belong to a transaction that is not whole; -1: the header itself is damaged. */
  readonly damaged: number
}

const HEADER = 32
const FRAME_HEADER = 24
const MAGIC = 0x377f0682
/** What a damaged header is taken for: ours, and SQLite's default. */
const PAGE_SIZES = [8192, 4096]

/** What is in the log at `path`; undefined: there is none, or it is empty. */
export function readWal(path: string): WalContents | undefined {
  const file = openOrNone(path)
  if (file === undefined) return undefined
  try {
    const { size } = fstatSync(file)
    if (size === 0) return undefined
    return readFrames(file, size)
  } finally {
    closeSync(file)
  }
}

function openOrNone(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function readFrames(file: number, size: number): WalContents {
  const header = Buffer.alloc(HEADER)
  readSync(file, header, 0, HEADER, 0)
  const isBig = header.readUInt32BE(0) === MAGIC + 1
  const pageBytes = header.readUInt32BE(8)
  const isWhole = (isBig || header.readUInt32BE(0) === MAGIC) && isPageSize(pageBytes) && new Sums(isBig).add(header, 0, 24).equals(header, 24)
  if (isWhole) return readAs(file, size, { isBig, pageBytes, salt: header.subarray(16, 24), sums: new Sums(isBig).add(header, 0, 24) })
  // Nothing counts then. What the header said is found out from the frames: they fit under the right guess alone.
  let best: WalContents = { pageBytes: 0, frames: [], damaged: -1 }
  for (const guess of PAGE_SIZES) {
    const salt = firstSalt(file, size, guess)
    for (const order of [false, true]) {
      const found = readAs(file, size, { isBig: order, pageBytes: guess, salt, sums: undefined })
      if (found.frames.length > best.frames.length) best = { ...found, damaged: -1 }
    }
  }
  return best
}

/** The salt of most frames: those of one round of the log have the same one, and the latest round stands in front. */
function firstSalt(file: number, size: number, pageBytes: number): Buffer {
  const counts = new Map<string, number>()
  const salt = Buffer.alloc(8)
  for (let at = HEADER, frame = 0; at + FRAME_HEADER + pageBytes <= size && frame < 16; at += FRAME_HEADER + pageBytes, frame++) {
    readSync(file, salt, 0, 8, at + 8)
    counts.set(salt.toString('hex'), (counts.get(salt.toString('hex')) ?? 0) + 1)
  }
  const [most = ''] = [...counts].toSorted(([, one], [, other]) => other - one)[0] ?? []
  return Buffer.from(most, 'hex')
}

interface Reading {
  readonly isBig: boolean
  readonly pageBytes: number
  readonly salt: Buffer
  /** After the header; undefined: it is damaged, and no frame counts. */
  readonly sums: Sums | undefined
}

function readAs(file: number, size: number, { isBig, pageBytes, salt, sums: begun }: Reading): WalContents {
  const sums = begun ?? new Sums(isBig)
  const bytes = Buffer.alloc(FRAME_HEADER + pageBytes)
  const counting: WalFrame[] = []
  const behind: WalFrame[] = []
  let pending: WalFrame[] = []
  let [damaged, isChained, isFollowing] = [0, begun !== undefined, begun !== undefined]
  for (let at = HEADER; at + bytes.length <= size; at += bytes.length) {
    readSync(file, bytes, 0, bytes.length, at)
    // Of an earlier round of the log: its pages are in the database since.
    if (!bytes.subarray(8, 16).equals(salt)) {
      isChained = false
      isFollowing = false
      continue
    }
    const isGood = isFollowing && sums.add(bytes, 0, 8).add(bytes, FRAME_HEADER, pageBytes).equals(bytes, 16)
    sums.set(bytes, 16)
    // Its own sums may be what is damaged: the next frame tells.
    isFollowing = true
    isChained &&= isGood
    const page = bytes.readUInt32BE(0)
    if (!isGood || page === 0) damaged++
    else if (!isChained) behind.push({ page, at: at + FRAME_HEADER, state: 'behind' })
    else {
      pending.push({ page, at: at + FRAME_HEADER, state: 'counts' })
      if (bytes.readUInt32BE(4) === 0) continue
      counting.push(...pending)
      pending = []
    }
  }
  // A transaction without its commit, as a process that is killed leaves it: rolled back, unless more follows.
  const cut = pending.map(frame => ({ ...frame, state: 'behind' as const }))
  const isCutOff = behind.length > 0 || damaged > 0
  return { pageBytes, frames: [...counting, ...(isCutOff ? [...cut, ...behind] : [])], damaged }
}

export function isPageSize(bytes: number): boolean {
  return bytes >= 512 && bytes <= 65536 && (bytes & (bytes - 1)) === 0
}

/** The running checksum of the log: two words, fed with pairs of words. */
class Sums {
  readonly #isBig: boolean
  #one = 0
  #two = 0

  constructor(isBig: boolean) {
    this.#isBig = isBig
  }

  add(bytes: Buffer, at: number, length: number): this {
    let [one, two] = [this.#one, this.#two]
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, length)
    for (let i = 0; i < length; i += 8) {
      one = (one + view.getUint32(i, !this.#isBig) + two) | 0
      two = (two + view.getUint32(i + 4, !this.#isBig) + one) | 0
    }
    this.#one = one
    this.#two = two
    return this
  }

  set(bytes: Buffer, at: number): void {
    this.#one = bytes.readInt32BE(at)
    this.#two = bytes.readInt32BE(at + 4)
  }

  equals(bytes: Buffer, at: number): boolean {
    return this.#one === bytes.readInt32BE(at) && this.#two === bytes.readInt32BE(at + 4)
  }
}
