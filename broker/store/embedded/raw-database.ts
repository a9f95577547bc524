// The pages of a database as its file and its log hold them, whether SQLite gets at them or not. Reads only; knows no tables.

import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { devNull } from 'node:os'
import { rowsOfPage, type RawRow, type ReadPage } from './page-rows.ts'
import { isPageSize, readWal, type WalFrame } from './wal-file.ts'

export interface RawDatabase {
  readonly pageBytes: number
  /** Rows of all pages that are in use as far as the free list tells, page by page; those of the log in the place of older ones. */
  rows(): Generator<RawRow>
  /** Rows of pages that stand in the log behind a damaged frame, the newest of each page. */
  rowsBehind(): Generator<RawRow>
  /** Cells that are no rows, of what was gone through so far. */
  readonly unreadable: number
  readonly damagedFrames: number
  close(): void
}

const DEFAULT_PAGE = 4096

/** @param logPath the write-ahead log that belongs to it: that beside it, unless another is named */
export function openRaw(path: string, logPath = `${path}-wal`): RawDatabase {
  const wal = readWal(logPath)
  // Where the file is missing, the log may hold all of it.
  const file = existsSync(path) ? openSync(path, 'r') : openSync(devNull, 'r')
  const log = wal === undefined ? undefined : openSync(logPath, 'r')
  const header = Buffer.alloc(100)
  readSync(file, header, 0, 100, 0)
  const said = header.readUInt16BE(16) === 1 ? 65536 : header.readUInt16BE(16)
  // The header may be what is damaged.
  const pageBytes = isPageSize(said) ? said : wal !== undefined && wal.pageBytes > 0 ? wal.pageBytes : DEFAULT_PAGE
  const filePages = Math.ceil(fstatSync(file).size / pageBytes)
  const newest = (state: WalFrame['state']): Map<number, number> => new Map(wal?.frames.filter(frame => frame.state === state).map(({ page, at }) => [page, at]))
  const [counts, behind] = [newest('counts'), newest('behind')]
  const inFile: ReadPage = page => (page >= 1 && page <= filePages ? readAt(file, (page - 1) * pageBytes, pageBytes) : undefined)
  const inLog = (places: ReadonlyMap<number, number>, otherwise: ReadPage): ReadPage => page => {
    const at = places.get(page)
    return at === undefined ? otherwise(page) : readAt(log!, at, pageBytes)
  }
  const current = inLog(counts, inFile)
  const later = inLog(behind, current)
  // The last byte of the header's 21: bytes at the end of each page that are not SQLite's. We never set any.
  const usable = pageBytes
  let unreadable = 0
  function* rowsOf(pages: Iterable<number>, readPage: ReadPage): Generator<RawRow> {
    for (const page of pages) {
      const found = rowsOfPage(page, readPage, usable)
      unreadable += found.unreadable
      yield* found.rows
    }
  }
  return {
    pageBytes,
    damagedFrames: wal?.damaged ?? 0,
    get unreadable() {
      return unreadable
    },
    rows: () => rowsOf(pagesInUse(current, [...counts.keys()].reduce((most, page) => Math.max(most, page), filePages)), current),
    rowsBehind: () => rowsOf(behind.keys(), later),
    close() {
      closeSync(file)
      if (log !== undefined) closeSync(log)
    },
  }
}

/** All pages but those of the free list, whose rows were deleted. Where the list is damaged, it ends early. */
function* pagesInUse(readPage: ReadPage, last: number): Generator<number> {
  const free = new Set<number>()
  let trunk = readPage(1)?.readUInt32BE(32) ?? 0
  while (trunk !== 0 && trunk <= last && !free.has(trunk)) {
    const page = readPage(trunk)
    if (page === undefined) break
    free.add(trunk)
    const leaves = Math.min(page.readUInt32BE(4), page.length / 4 - 2)
    for (let leaf = 0; leaf < leaves; leaf++) free.add(page.readUInt32BE(8 + leaf * 4))
    trunk = page.readUInt32BE(0)
  }
  for (let page = 1; page <= last; page++) if (!free.has(page)) yield page
}

/** Zeros where the file ends early. */
function readAt(file: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  readSync(file, bytes, 0, length, at)
  return bytes
}
