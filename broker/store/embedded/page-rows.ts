// Reads the rows of an SQLite page without SQLite, for databases whose tree is damaged. Knows no table: rows are told apart by whoever asks.
// Format: https://sqlite.org/fileformat2.html#b_tree_pages
//
//   leaf of a table:  0x0d │ … │ cells u16 │ … │ place of each cell u16 …    cell: payload length, rowid, payload, overflow page?
//   payload:          header length, type of each column … │ columns …
//
// What a damaged page says is not believed: every place and length is checked against the page, and what does not fit is no row.

export type SqlValue = null | number | bigint | string | Buffer

export interface RawRow {
  readonly rowid: number
  /** A column that is the rowid is null here. */
  readonly values: readonly SqlValue[]
}

/** Bytes of a page, or undefined when there is no such page. */
export type ReadPage = (page: number) => Buffer | undefined

const LEAF = 0x0d
const FILE_HEADER = 100
const MAX_PAYLOAD = 512 * 1024 * 1024

/** All rows of page `number` that can be understood; none when it is not a leaf of a table. `usable`: bytes of a page without its reserve. */
export function rowsOfPage(number: number, readPage: ReadPage, usable: number): { rows: RawRow[]; unreadable: number } {
  const page = readPage(number)
  const header = number === 1 ? FILE_HEADER : 0
  if (page?.[header] !== LEAF) return { rows: [], unreadable: 0 }
  const cells = Math.min(page.readUInt16BE(header + 3), Math.floor((usable - header - 8) / 2))
  const rows: RawRow[] = []
  let unreadable = 0
  for (let cell = 0; cell < cells; cell++) {
    const row = readCell(page, page.readUInt16BE(header + 8 + cell * 2), readPage, usable)
    if (row === undefined) unreadable++
    else rows.push(row)
  }
  return { rows, unreadable }
}

function readCell(page: Buffer, at: number, readPage: ReadPage, usable: number): RawRow | undefined {
  const length = readVarint(page, at)
  const rowid = length && readVarint(page, length.end)
  if (!rowid || !Number.isSafeInteger(rowid.value) || length.value < 1 || length.value > MAX_PAYLOAD) return undefined
  const payload = readPayload(page, rowid.end, length.value, readPage, usable)
  const values = payload && readRecord(payload)
  return values && { rowid: rowid.value, values }
}

/** A payload that does not fit on the page goes on in a chain of overflow pages. */
function readPayload(page: Buffer, at: number, length: number, readPage: ReadPage, usable: number): Buffer | undefined {
  const inPage = localBytes(length, usable)
  if (at + inPage > usable) return undefined
  if (inPage === length) return page.subarray(at, at + length)
  if (at + inPage + 4 > usable) return undefined
  const pieces = [page.subarray(at, at + inPage)]
  let left = length - inPage
  const seen = new Set<number>()
  for (let next = page.readUInt32BE(at + inPage); left > 0; ) {
    const more = seen.has(next) ? undefined : readPage(next)
    if (more === undefined) return undefined
    seen.add(next)
    const piece = more.subarray(4, Math.min(4 + left, usable))
    pieces.push(piece)
    left -= piece.length
    next = more.readUInt32BE(0)
  }
  return Buffer.concat(pieces)
}

function localBytes(length: number, usable: number): number {
  if (length <= usable - 35) return length
  const least = Math.floor(((usable - 12) * 32) / 255) - 23
  const most = least + ((length - least) % (usable - 4))
  return most <= usable - 35 ? most : least
}

function readRecord(payload: Buffer): SqlValue[] | undefined {
  const header = readVarint(payload, 0)
  if (header === undefined || header.value > payload.length) return undefined
  const values: SqlValue[] = []
  let body = header.value
  for (let at = header.end; at < header.value; ) {
    const type = readVarint(payload, at)
    if (type === undefined) return undefined
    at = type.end
    const bytes = columnBytes(type.value)
    if (bytes === undefined || body + bytes > payload.length) return undefined
    values.push(readColumn(payload, body, type.value, bytes))
    body += bytes
  }
  return values
}

const FIXED = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0]

/** How many bytes a column of that type takes; undefined: there is no such type. */
function columnBytes(type: number): number | undefined {
  return type < 10 ? FIXED[type] : type < 12 ? undefined : (type - (type % 2) - 12) / 2
}

function readColumn(payload: Buffer, at: number, type: number, bytes: number): SqlValue {
  if (type === 0) return null
  if (type === 7) return payload.readDoubleBE(at)
  if (type >= 8 && type < 10) return type - 8
  if (type === 6) {
    const value = payload.readBigInt64BE(at)
    return Number.isSafeInteger(Number(value)) ? Number(value) : value
  }
  if (type < 6) return payload.readIntBE(at, bytes)
  return type % 2 === 0 ? Buffer.from(payload.subarray(at, at + bytes)) : payload.toString('utf8', at, at + bytes)
}

/** SQLite's variable integer: 7 bits a byte, the ninth has 8. Those past 2^53 come out as no safe integer. */
function readVarint(bytes: Buffer, at: number): { value: number; end: number } | undefined {
  let value = 0
  for (let i = 0; i < 9; i++) {
    const byte = bytes[at + i]
    if (byte === undefined) return undefined
    if (i === 8) return { value: value * 256 + byte, end: at + 9 }
    value = value * 128 + (byte & 0x7f)
    if (byte < 0x80) return { value, end: at + i + 1 }
  }
  return undefined
}
