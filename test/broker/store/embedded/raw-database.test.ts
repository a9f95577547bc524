import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { openRaw } from '../../../../broker/store/embedded/raw-database.ts'
import { readWal } from '../../../../broker/store/embedded/wal-file.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

interface Sample {
  readonly path: string
  readonly db: DatabaseSync
}

/** A real database in WAL mode, still open. */
function sample(t: ExecutionContext): Sample {
  const path = join(temporaryDirectory(t), 'some.db')
  const db = new DatabaseSync(path)
  t.teardown(() => db.isOpen && db.close())
  db.exec('PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = OFF; CREATE TABLE rows (id INTEGER PRIMARY KEY, number INTEGER, text TEXT, bytes BLOB)')
  return { path, db }
}

function insert(db: DatabaseSync, from: number, to: number, bytes = (id: number) => Buffer.alloc(id % 300, id)): void {
  const put = db.prepare('INSERT INTO rows VALUES (?, ?, ?, ?)')
  db.exec('BEGIN')
  for (let id = from; id <= to; id++) put.run(id, id * 1_000_003, `text ${id}`, bytes(id))
  db.exec('COMMIT')
}

/** Rows of our table: four columns, the first one the rowid. */
function ids(rows: Iterable<{ rowid: number; values: readonly unknown[] }>): number[] {
  return [...new Set([...rows].filter(({ values }) => values.length === 4 && String(values[2]).startsWith('text ')).map(({ rowid }) => rowid))].toSorted((one, other) => one - other)
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)

test('raw database: every row of every kind of column is read without SQLite', t => {
  const { path, db } = sample(t)
  const values: [number, bigint | number | string | Buffer | null][] = [[1, null], [2, 0], [3, 1], [4, -7], [5, 300], [6, -70_000], [7, 2 ** 33], [8, 2n ** 62n], [9, 1.5], [10, 'täxt'], [11, Buffer.alloc(10_000, 5)], [12, Buffer.alloc(4060, 6)], [13, '']]
  const put = db.prepare('INSERT INTO rows VALUES (?, ?, ?, ?)')
  for (const [id, value] of values) put.run(id, value, 'text', null)
  db.close()
  const raw = openRaw(path)
  t.teardown(() => raw.close())
  const read = [...raw.rows()].filter(row => row.values.length === 4 && row.values[2] === 'text')
  // The column is an INTEGER: SQLite itself makes 1.5 and texts stay.
  t.deepEqual(read.map(({ rowid, values: columns }) => [rowid, columns[1]]), values as never)
  t.is(raw.unreadable, 0)
})

test('raw database: rows of the log count, deleted ones do not', t => {
  const { path, db } = sample(t)
  insert(db, 1, 2000)
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  insert(db, 2001, 2500)
  db.exec('DELETE FROM rows WHERE id <= 1000')
  const raw = openRaw(path)
  t.teardown(() => raw.close())
  t.deepEqual(ids(raw.rows()), range(1001, 2500))
  t.deepEqual([...raw.rowsBehind()], [])
})

test('raw database: a zeroed root costs SQLite everything, and us nothing but that page', t => {
  const { path, db } = sample(t)
  insert(db, 1, 2000)
  const { rootpage } = db.prepare('SELECT rootpage FROM sqlite_schema').get() as { rootpage: number }
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  db.close()
  const bytes = readFileSync(path)
  bytes.fill(0, (rootpage - 1) * 4096, rootpage * 4096)
  writeFileSync(path, bytes)
  const damaged = new DatabaseSync(path)
  t.throws(() => damaged.prepare('SELECT * FROM rows').all(), { message: /malformed/ })
  damaged.close()
  const raw = openRaw(path)
  t.teardown(() => raw.close())
  t.deepEqual(ids(raw.rows()), range(1, 2000))
})

test('raw database: what is committed behind a damaged frame of the log is still found', t => {
  const { path, db } = sample(t)
  for (let i = 0; i < 20; i++) insert(db, i * 50 + 1, i * 50 + 50)
  const copy = `${path}.copy`
  copyFileSync(path, copy)
  const log = readFileSync(`${path}-wal`)
  t.like(readWal(`${path}-wal`), { damaged: 0, pageBytes: 4096 })
  // A byte in the middle of a page about half way.
  const frame = Math.floor(log.length / 4120 / 2)
  log[32 + frame * 4120 + 24 + 2000]! ^= 0xff
  writeFileSync(`${copy}-wal`, log)
  const blind = new DatabaseSync(copy, { readOnly: true })
  const { count } = blind.prepare('SELECT count(*) AS count FROM rows').get() as { count: number }
  t.true(count < 1000, 'SQLite says nothing and has less')
  const raw = openRaw(copy)
  t.teardown(() => raw.close())
  t.is(raw.damagedFrames, 1)
  t.is(ids(raw.rows()).length, count)
  t.deepEqual(ids([...raw.rows(), ...raw.rowsBehind()]).slice(-200), range(801, 1000), 'the latest rows are found behind')
  blind.close()
})

test('raw database: whatever is in the files, reading them ends and throws nothing', t => {
  const { path, db } = sample(t)
  insert(db, 1, 400, id => Buffer.alloc(id % 9 === 0 ? 9000 : 50))
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  insert(db, 401, 500)
  const [file, log] = [readFileSync(path), readFileSync(`${path}-wal`)]
  const copy = `${path}.copy`
  const damage = fc.record({ isLog: fc.boolean(), at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), length: fc.integer({ min: 1, max: 5000 }), fill: fc.integer({ min: 0, max: 255 }) })
  fc.assert(fc.property(fc.array(damage, { minLength: 1, maxLength: 4 }), damages => {
    const [brokenFile, brokenLog] = [Buffer.from(file), Buffer.from(log)]
    for (const { isLog, at, length, fill } of damages) {
      const bytes = isLog ? brokenLog : brokenFile
      bytes.subarray(Math.floor(at * bytes.length)).subarray(0, length).fill(fill)
    }
    writeFileSync(copy, brokenFile)
    writeFileSync(`${copy}-wal`, brokenLog)
    const raw = openRaw(copy)
    for (const _ of raw.rows()) { /* all of them */ }
    for (const _ of raw.rowsBehind()) { /* all of them */ }
    raw.close()
  }), { numRuns: 60 })
  t.pass()
})
