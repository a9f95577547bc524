// A disk that loses power: it holds what was synced, and of what was not, nothing or as much as chance will have it, in any order and torn between
// sectors. Follows the file calls of a process; pure but for the files that an image is written to.
//
//   write ─▶ pending ─▶ sync ─▶ durable        image = durable + some of pending
//                   └─▶ sync fails ─▶ nowhere, as Linux takes those pages for clean: who reads still sees them, no later sync writes them
//
// As ext4, XFS and Btrfs do it, a sync of a new file keeps its name too; a file that was removed or made without any sync behind it may
// be there or not.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { markName } from '../../broker/store/embedded/store-files.ts'
import type { Random } from './seeded-random.ts'
import type { SystemCall } from './system-calls.ts'

/** What a disk writes as a whole. bytes */
const SECTOR_BYTES = 4096
const EMPTY = Buffer.from(new ArrayBuffer(0))

type Change =
  | { readonly kind: 'made' }
  | { readonly kind: 'removed' }
  | { readonly kind: 'truncate'; readonly size: number }
  | { readonly kind: 'write'; readonly at: number; readonly bytes: Buffer }

/** undefined: there is no such file. */
type Content = Buffer | undefined

interface File {
  durable: Content
  pending: Change[]
  /** How long it is for who reads it now; undefined: it is not there. */
  size: number | undefined
}

export class LossyDisk {
  readonly #directory: string
  readonly #files = new Map<string, File>()

  /** Knows the files directly in `directory`, which is empty. */
  constructor(directory: string) {
    this.#directory = directory
  }

  /** Follows one call; false: it is about a file elsewhere. */
  apply(call: SystemCall): boolean {
    if (call.kind === 'sync' && call.path === this.#directory) {
      for (const file of this.#files.values()) keepNames(file)
      return true
    }
    if (dirname(call.path) !== this.#directory) return false
    const file = this.#file(call.path)
    switch (call.kind) {
      case 'open':
        if (call.isCreated && file.size === undefined) this.#change(file, { kind: 'made' })
        if (call.isEmptied) this.#change(file, { kind: 'truncate', size: 0 })
        break
      case 'write':
        this.#change(file, { kind: 'write', at: call.at ?? file.size!, bytes: call.bytes })
        break
      case 'truncate':
        this.#change(file, { kind: 'truncate', size: call.size })
        break
      case 'remove':
        this.#change(file, { kind: 'removed' })
        break
      case 'rename':
        throw new Error(`${call.path} was renamed, which is not followed here`)
      case 'sync-failed':
        file.pending = file.pending.filter(({ kind }) => kind !== 'write')
        break
      case 'sync':
        file.durable = file.pending.reduce(applied, file.durable)
        file.pending = []
    }
    return true
  }

  /** Writes what is there after a loss of power now, into a directory that is made; `random` undefined: nothing that was not synced. */
  image(directory: string, random: Random | undefined): void {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    for (const [path, { durable, pending }] of this.#files) {
      const content = random === undefined ? durable : survivors(pending, random).reduce(applied, copied(durable))
      if (content !== undefined) writeFileSync(join(directory, basename(path)), content, { mode: 0o600 })
    }
  }

  #file(path: string): File {
    let file = this.#files.get(path)
    if (file === undefined) this.#files.set(path, (file = { durable: undefined, pending: [], size: undefined }))
    return file
  }

  #change(file: File, change: Change): void {
    file.pending.push(change)
    if (change.kind === 'removed') file.size = undefined
    else if (change.kind === 'made') file.size = 0
    else if (change.kind === 'truncate') file.size = change.size
    else file.size = Math.max(file.size ?? 0, change.at + change.bytes.length)
  }
}

function copied(content: Content): Content {
  if (content === undefined) return undefined
  const copy = Buffer.from(new ArrayBuffer(content.length))
  content.copy(copy)
  return copy
}

function applied(content: Content, change: Change): Content {
  if (change.kind === 'made') return EMPTY
  if (change.kind === 'removed' || content === undefined) return undefined
  if (change.kind === 'truncate') return resized(content, change.size)
  const next = resized(content, Math.max(content.length, change.at + change.bytes.length))
  change.bytes.copy(next, change.at)
  return next
}

// In place while there is room: a log grows by a page at a time.
function resized(content: Buffer, size: number): Buffer {
  if (size <= content.length) return content.subarray(0, size)
  const isRoomy = content.byteOffset === 0 && size <= content.buffer.byteLength
  const next = isRoomy ? Buffer.from(content.buffer, 0, size) : Buffer.from(new ArrayBuffer(size * 2), 0, size)
  if (isRoomy) next.fill(0, content.length)
  else content.copy(next)
  return next
}

/** A directory that is synced keeps names, not contents. */
function keepNames(file: File): void {
  const last = file.pending.findLastIndex(({ kind }) => kind === 'made' || kind === 'removed')
  if (last < 0) return
  const isThere = file.pending[last]!.kind === 'made'
  file.durable = isThere ? EMPTY : undefined
  file.pending = file.pending.slice(last + 1)
}

/** Names and sizes are kept in order up to some point, as a journal of the file system would; what was written is kept sector by sector. */
function survivors(pending: readonly Change[], random: Random): Change[] {
  const kept: Change[] = []
  for (const change of pending) {
    if (change.kind !== 'write') {
      if (random.next() < 0.5) break
      kept.push(change)
      continue
    }
    const share = random.pick([0, 0.5, 0.9, 1])
    for (let start = 0; start < change.bytes.length; ) {
      const at = change.at + start
      const end = Math.min(change.bytes.length, start + SECTOR_BYTES - (at % SECTOR_BYTES))
      if (random.next() < share) kept.push({ kind: 'write', at, bytes: change.bytes.subarray(start, end) })
      start = end
    }
  }
  return kept
}

/** The mark says in which life of the machine it was written: that one is over. */
export function startMachine(image: string): void {
  const path = join(image, markName)
  if (!existsSync(path)) return
  const mark = readFileSync(path)
  for (let slot = 0; slot + 64 * 1024 <= mark.length; slot += 64 * 1024) {
    const length = mark.readUInt32LE(slot + 4)
    if (length < 60 || crc32(mark.subarray(slot + 4, slot + length)) !== mark.readUInt32LE(slot)) continue
    mark.fill(1, slot + 24, slot + 40)
    mark.writeUInt32LE(crc32(mark.subarray(slot + 4, slot + length)), slot)
  }
  writeFileSync(path, mark)
}
