// Remembers beside the database how far it came, so that commits that vanish from its log do not vanish in silence. Knows no SQL.
//
// SQLite takes the first damaged frame of its write-ahead log for the end of it: what was committed behind is gone, and nothing says so. So
// each commit has a number (the epoch, which stands in the database as well), and after each commit its number is written here, in turns
// into one of two slots of 64 KiB. A slot:
//
//   crc u32 │ length u32 │ epoch f64 │ synced epoch f64 │ boot 16 │ store 16 │ count u32 │ { queue u32, last position f64 } …
//
// The mark is written after the commit and is not synced itself: it may be behind the database, which is harmless, and is ahead of it only
// when the database lost something. After a crash of the machine it may be ahead by commits that were not synced: those were promised no more.

import { closeSync, fsyncSync, openSync, readFileSync, readSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import { syncDirectory } from './backup-file.ts'

export interface Noted {
  /** Number of the last commit that was noted. */
  readonly epoch: number
  /** Of the last one that was on disk for sure: it and all before it. */
  readonly syncedEpoch: number
  /** The machine has not started again since, so nothing that the system had can be missing. */
  readonly isSameBoot: boolean
  /** Last position given in each queue, by the queue's number. */
  readonly lastPositions: ReadonlyMap<number, number>
  /** One slot of the two is damaged: what the last commit wrote may be what is missing. */
  readonly isHalf: boolean
}

/** What the file says: `none`, it is new; `damaged`, it cannot be read; `foreign`, it belongs to another store. */
export type MarkState = Noted | 'none' | 'damaged' | 'foreign'

const SLOT = 64 * 1024
const HEAD = 60
const ENTRY = 12
/** Queues of one slot. Where there are more, those noted last are in it. */
const MAX_ENTRIES = Math.floor((SLOT - HEAD) / ENTRY)

export class CommitMark {
  readonly state: MarkState
  readonly #file: number
  readonly #slot = Buffer.alloc(SLOT)
  readonly #places = new Map<number, number>()
  #nextPlace = 0
  #syncedEpoch = 0
  #turn: number
  #failure: Error | undefined

  /**
   * Opens the mark, or makes it.
   * @param storeId 16 bytes that only this store has
   * @throws Error of the operating system
   */
  constructor(path: string, storeId: Uint8Array) {
    this.#file = openMark(path)
    const read = readMark(this.#file, storeId)
    this.state = read.state
    this.#turn = read.newest === 0 ? 1 : 0
    bootBytes().copy(this.#slot, 24)
    this.#slot.set(storeId, 40)
    if (typeof this.state === 'object') {
      this.#syncedEpoch = this.state.syncedEpoch
      for (const [queue, position] of this.state.lastPositions) this.#keep(queue, position)
    } else if (this.state === 'none') {
      // A new one is on the disk before anything is promised: after a loss of power it may be behind, but it is there.
      this.note(0, false)
      fsyncSync(this.#file)
      syncDirectory(dirname(path))
    }
  }

  /** Why the mark cannot be written: commits are not watched until it can. undefined: it can. */
  get failure(): Error | undefined {
    return this.#failure
  }

  /** The last position given in a queue: part of the next `note`. */
  position(queue: number, position: number): void {
    this.#keep(queue, position)
  }

  /** Commit number `epoch` has returned; `isSynced`: it and all before it are on disk. Costs one write of the system, and never throws. */
  note(epoch: number, isSynced: boolean): void {
    if (isSynced) this.#syncedEpoch = epoch
    const slot = this.#slot
    const length = HEAD + Math.min(this.#places.size, MAX_ENTRIES) * ENTRY
    slot.writeUInt32LE(length, 4)
    slot.writeDoubleLE(epoch, 8)
    slot.writeDoubleLE(this.#syncedEpoch, 16)
    slot.writeUInt32LE(Math.min(this.#places.size, MAX_ENTRIES), 56)
    slot.writeUInt32LE(crc32(slot.subarray(4, length)), 0)
    try {
      writeSync(this.#file, slot, 0, length, this.#turn * SLOT)
      this.#turn = 1 - this.#turn
      this.#failure = undefined
    } catch (error) {
      this.#failure = error as Error
    }
  }

  close(): void {
    closeSync(this.#file)
  }

  #keep(queue: number, position: number): void {
    let place = this.#places.get(queue)
    if (place === undefined) {
      place = this.#nextPlace++ % MAX_ENTRIES
      if (this.#places.size === MAX_ENTRIES) this.#places.delete(this.#slot.readUInt32LE(HEAD + place * ENTRY))
      this.#places.set(queue, place)
      this.#slot.writeUInt32LE(queue, HEAD + place * ENTRY)
    }
    this.#slot.writeDoubleLE(position, HEAD + place * ENTRY + 4)
  }
}

/** What a mark says, without opening it for writing; `none` when there is no file. `storeId` undefined: whoever's it is. */
export function peekMark(path: string, storeId: Uint8Array | undefined): MarkState {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch {
    return 'none'
  }
  try {
    return readMark(file, storeId).state
  } finally {
    closeSync(file)
  }
}

function openMark(path: string): number {
  try {
    return openSync(path, 'r+')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    const file = openSync(path, 'wx+', 0o600)
    // Its space is taken now: a disk that is full later cannot keep it from being written.
    writeSync(file, Buffer.alloc(2 * SLOT))
    return file
  }
}

function readMark(file: number, storeId: Uint8Array | undefined): { state: MarkState; newest: number } {
  const slots = [readSlot(file, 0), readSlot(file, 1)]
  const whole = slots.filter(slot => slot !== 'damaged' && slot !== 'empty')
  if (whole.length === 0) return { state: slots.includes('damaged') ? 'damaged' : 'none', newest: -1 }
  const newest = whole.reduce((one, other) => (other.epoch > one.epoch ? other : one))
  if (storeId !== undefined && Buffer.compare(newest.store, storeId) !== 0) return { state: 'foreign', newest: -1 }
  const { epoch, syncedEpoch, lastPositions } = newest
  const isSameBoot = newest.boot.equals(bootBytes())
  // The first note of a new mark is that of epoch 0, and the second one goes into the other slot.
  const isHalf = slots.includes('damaged') || (slots.includes('empty') && epoch > 0)
  return { state: { epoch, syncedEpoch, lastPositions, isSameBoot, isHalf }, newest: slots.indexOf(newest) }
}

interface Slot {
  readonly epoch: number
  readonly syncedEpoch: number
  readonly boot: Buffer
  readonly store: Buffer
  readonly lastPositions: ReadonlyMap<number, number>
}

function readSlot(file: number, which: number): Slot | 'empty' | 'damaged' {
  const bytes = Buffer.alloc(SLOT)
  const got = readSync(file, bytes, 0, SLOT, which * SLOT)
  if (got < SLOT && which === 0) return 'damaged'
  const length = bytes.readUInt32LE(4)
  if (length === 0) return bytes.every(byte => byte === 0) && got === SLOT ? 'empty' : 'damaged'
  if (length < HEAD || length > SLOT || crc32(bytes.subarray(4, length)) !== bytes.readUInt32LE(0)) return 'damaged'
  const lastPositions = new Map<number, number>()
  for (let at = HEAD; at < length; at += ENTRY) lastPositions.set(bytes.readUInt32LE(at), bytes.readDoubleLE(at + 4))
  return { epoch: bytes.readDoubleLE(8), syncedEpoch: bytes.readDoubleLE(16), boot: bytes.subarray(24, 40), store: bytes.subarray(40, 56), lastPositions }
}

let boot: Buffer | undefined

/** Which start of the machine this is; all zeros where the system does not say, which counts as the same. */
function bootBytes(): Buffer {
  return (boot ??= readBoot())
}

function readBoot(): Buffer {
  try {
    return Buffer.from(readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim().replaceAll('-', ''), 'hex')
  } catch {
    return Buffer.alloc(16)
  }
}
