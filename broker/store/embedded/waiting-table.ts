// The rows of the messages that wait in one queue: SQL and nothing else. Counts are the caller's. Plain new rows are gathered, and inserted before
// anything reads or changes a row.

import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { MessageHead, MessageRow } from './message-row.ts'
import { ReadAhead } from './read-ahead.ts'
import { stateSum, type SealedRow } from './row-seal.ts'

const HEAD = 'position, attempts, due_at, expires_at, stored_at, sequence, session, length(frame) AS bytes, sum'
/** Without the frame, as the row's values in their order: an object by names for each, and a buffer of its own for its frame, cost twice as much. */
const WHOLE_HEAD = `${HEAD}, message_id, errors`
const WHOLE = `${WHOLE_HEAD}, frame`
/** Replaces the state's part of a sum, the bits above 32. */
const RESUM = 'sum = (sum & 4294967295) | ?'

type WholeHead = readonly [
  position: number, attempts: number, due_at: number, expires_at: number, stored_at: number, sequence: number, session: string | null, bytes: number, sum: number, message_id: string | null, errors: string | Uint8Array | null,
]

/** Later times are damage, and would throw where they are read: what looks for times passes over them, and whoever reads the row in its turn tells. */
const MAX_TIME = Number.MAX_SAFE_INTEGER
/** The plus keeps it from choosing an index. */
const ARE_TIMES = `+due_at <= ${MAX_TIME} AND +expires_at <= ${MAX_TIME}`

/** So for all numbers of a head. */
const ARE_NUMBERS = ['attempts', 'due_at', 'expires_at', 'stored_at', 'sequence', 'sum'].map((column) => `+${column} BETWEEN -${MAX_TIME} AND ${MAX_TIME}`).join(' AND ')

/** Position, attempts, stored at, sum and frame. */
const PLAIN = '(?, ?, 0, 0, ?, 0, NULL, NULL, NULL, ?, ?)'
const PLAIN_VALUES = 5
/** Plain rows of one statement: 1.1 us each instead of 2.0, more of them change nothing. */
const MANY = 8

/** What a message is written with beside what is sealed. */
export type NewRow = Pick<MessageHead, 'position' | 'attempts' | 'due_at' | 'expires_at' | 'stored_at' | 'sequence'>

export class WaitingTable {
  readonly #insert: StatementSync
  readonly #insertPlain: StatementSync
  readonly #insertMany: StatementSync
  /** Values of plain rows that are still to be inserted: five of each. */
  #pending: (number | Uint8Array)[] = []
  readonly #ahead = new ReadAhead()
  readonly #row: StatementSync
  readonly #wholeHeads: StatementSync
  readonly #frames: StatementSync
  readonly #rowsAfter: StatementSync
  readonly #headsAfter: StatementSync
  readonly #headsBefore: StatementSync
  readonly #due: StatementSync
  readonly #nextDue: StatementSync
  readonly #expired: StatementSync
  readonly #nextExpiry: StatementSync
  readonly #retries: StatementSync
  readonly #state: StatementSync
  readonly #failure: StatementSync
  readonly #errors: StatementSync
  readonly #delete: StatementSync
  readonly #deleteRange: StatementSync

  constructor(sql: DatabaseSync, id: number) {
    const table = `waiting_${id}`
    sql.exec(`CREATE TABLE IF NOT EXISTS ${table} (position INTEGER PRIMARY KEY, attempts INTEGER NOT NULL, due_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, stored_at INTEGER NOT NULL,
        sequence INTEGER NOT NULL, session TEXT, message_id TEXT, errors, sum INTEGER NOT NULL, frame BLOB NOT NULL);
      CREATE INDEX IF NOT EXISTS due_${id} ON ${table} (due_at) WHERE due_at > 0;
      CREATE INDEX IF NOT EXISTS expires_${id} ON ${table} (expires_at) WHERE expires_at > 0;
      CREATE INDEX IF NOT EXISTS retry_${id} ON ${table} (position) WHERE due_at > 0 AND attempts > 0;`)
    this.#insert = sql.prepare(`INSERT INTO ${table} VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?)`)
    // Most messages have nothing but a frame: what is not bound is not paid for.
    this.#insertPlain = sql.prepare(`INSERT INTO ${table} VALUES ${PLAIN}`)
    this.#insertMany = sql.prepare(`INSERT INTO ${table} VALUES ${Array<string>(MANY).fill(PLAIN).join(', ')}`)
    this.#row = sql.prepare(`SELECT ${WHOLE} FROM ${table} WHERE position = ?`)
    this.#rowsAfter = sql.prepare(`SELECT ${WHOLE} FROM ${table} WHERE position > ? ORDER BY position LIMIT ?`)
    this.#wholeHeads = sql.prepare(`SELECT ${WHOLE_HEAD} FROM ${table} WHERE position > ? ORDER BY position LIMIT ?`)
    this.#wholeHeads.setReturnArrays(true)
    // Text of SQLite is bytes: what is joined are those of the blobs, whatever they hold.
    this.#frames = sql.prepare(`SELECT CAST(group_concat(frame, '') AS BLOB) AS frames FROM (SELECT frame FROM ${table} WHERE position > ? ORDER BY position LIMIT ?)`)
    this.#headsAfter = sql.prepare(`SELECT ${HEAD} FROM ${table} WHERE position > ? ORDER BY position LIMIT ?`)
    this.#headsBefore = sql.prepare(`SELECT ${HEAD} FROM ${table} WHERE position > ? AND position <= ? AND ${ARE_NUMBERS} ORDER BY position LIMIT ?`)
    this.#due = sql.prepare(`SELECT ${HEAD} FROM ${table} WHERE due_at > 0 AND (due_at, position) > (?, ?) AND due_at <= ? AND ${ARE_TIMES} ORDER BY due_at, position LIMIT ?`)
    this.#nextDue = sql.prepare(`SELECT min(due_at) AS at FROM ${table} WHERE due_at > 0 AND due_at > ? AND due_at <= ${MAX_TIME}`)
    this.#expired = sql.prepare(`SELECT ${HEAD} FROM ${table} WHERE expires_at > 0 AND (expires_at, position) > (?, ?) AND expires_at <= ? AND ${ARE_TIMES} ORDER BY expires_at, position LIMIT ?`)
    this.#nextExpiry = sql.prepare(`SELECT min(expires_at) AS at FROM ${table} WHERE expires_at > 0 AND expires_at > ? AND expires_at <= ${MAX_TIME}`)
    this.#retries = sql.prepare(`SELECT ${HEAD} FROM ${table} WHERE due_at > 0 AND attempts > 0 AND position > ? AND ${ARE_TIMES} ORDER BY position LIMIT ?`)
    this.#state = sql.prepare(`UPDATE ${table} SET attempts = ?, due_at = ?, ${RESUM} WHERE position = ?`)
    this.#failure = sql.prepare(`UPDATE ${table} SET attempts = ?, due_at = ?, errors = ?, ${RESUM} WHERE position = ?`)
    this.#errors = sql.prepare(`SELECT errors FROM ${table} WHERE position = ?`)
    this.#delete = sql.prepare(`DELETE FROM ${table} WHERE position = ?`)
    this.#deleteRange = sql.prepare(`DELETE FROM ${table} WHERE position BETWEEN ? AND ?`)
  }

  insert({ position, attempts, due_at, expires_at, stored_at, sequence }: NewRow, { messageId, session, sum, blob }: SealedRow): void {
    const whole = sum + stateSum(position, attempts, due_at)
    if (due_at === 0 && expires_at === 0 && sequence === 0 && session === null && messageId === null) {
      if (this.#pending.push(position, attempts, stored_at, whole, blob) < MANY * PLAIN_VALUES) return
      this.#insertMany.run(...this.#pending)
      this.#pending = []
      return
    }
    this.flush()
    this.#insert.run(position, attempts, due_at, expires_at, stored_at, sequence, session, messageId, whole, blob)
  }

  /** Inserts what is to be inserted: before the commit, and before anything else is done with rows. */
  flush(): void {
    const values = this.#pending
    if (values.length === 0) return
    this.#pending = []
    for (let at = 0; at < values.length; at += PLAIN_VALUES) this.#insertPlain.run(...values.slice(at, at + PLAIN_VALUES))
  }

  /** The transaction is rolled back: nothing is to be inserted any more. */
  rolledBack(): void {
    this.#pending = []
    this.#ahead.clear()
  }

  row(position: number): MessageRow | undefined {
    this.flush()
    return this.#row.get(position) as MessageRow | undefined
  }

  /** At most `limit`, in order, those with a position above `after`; with more than one not more than so many bytes of frames. */
  rowsAfter(after: number, limit: number, maxBytes: number): MessageRow[] {
    return this.#ahead.take(after, limit, maxBytes) ?? this.#readAfter(after, limit, maxBytes)
  }

  /** Reads what `rowsAfter` will be asked for; `open` is done with each row. Called between transactions. @throws Error of SQLite; nothing has happened then */
  readAhead(after: number, limit: number, maxBytes: number, open: (row: MessageRow) => MessageRow): void {
    if (!this.#ahead.begins(after)) this.#ahead.hold(after, this.#readAfter(after, limit, maxBytes).map(open))
  }

  #readAfter(after: number, limit: number, maxBytes: number): MessageRow[] {
    this.flush()
    const heads = this.#wholeHeads.all(after, limit) as unknown as WholeHead[]
    let bytes = 0
    let count = 0
    while (count < heads.length && (count === 0 || bytes + heads[count]![7] <= maxBytes)) bytes += heads[count++]![7]
    if (count === 0) return []
    const { frames } = this.#frames.get(after, count) as { frames: Uint8Array | null }
    // A column holds what it never holds: each row is to be looked at as it is.
    if (frames?.length !== bytes) return this.#rowsAfter.all(after, count) as unknown as MessageRow[]
    return rowsOf(heads, count, frames)
  }

  /** @throws Error, also where a number is none: for those who read rows in their turn, and tell */
  headsAfter(after: number, limit: number): MessageHead[] {
    this.flush()
    return this.#headsAfter.all(after, limit) as unknown as MessageHead[]
  }

  /** Those above `after`, up to `last`, but for those of which a number is none: they are told by whoever reads them in their turn. */
  headsWithin(after: number, last: number, limit: number): MessageHead[] {
    this.flush()
    return this.#headsBefore.all(after, last, limit) as unknown as MessageHead[]
  }

  /** Those with a due time that is over, behind the one that was due at `(atMs, position)`. */
  due(atMs: number, position: number, nowMs: number, limit: number): MessageHead[] {
    this.flush()
    return this.#due.all(atMs, position, nowMs, limit) as unknown as MessageHead[]
  }

  /** When the next one is due, of those that are not yet; Infinity: none is. */
  nextDueAfter(nowMs: number): number {
    this.flush()
    return timeOf(this.#nextDue.get(nowMs))
  }

  /** Those whose time to live is over, behind the one that expired at `(atMs, position)`. */
  expired(atMs: number, position: number, nowMs: number, limit: number): MessageHead[] {
    this.flush()
    return this.#expired.all(atMs, position, nowMs, limit) as unknown as MessageHead[]
  }

  /** When the next one expires, of those that have not; Infinity: none does. */
  nextExpiryAfter(nowMs: number): number {
    this.flush()
    return timeOf(this.#nextExpiry.get(nowMs))
  }

  /** Those that failed and are not due again yet. */
  retries(after: number, limit: number): MessageHead[] {
    this.flush()
    return this.#retries.all(after, limit) as unknown as MessageHead[]
  }

  setState(position: number, attempts: number, dueAtMs: number): void {
    this.flush()
    this.#ahead.forget(position, position)
    this.#state.run(attempts, dueAtMs, stateSum(position, attempts, dueAtMs), position)
  }

  setFailure(position: number, attempts: number, dueAtMs: number, errors: string | Uint8Array): void {
    this.flush()
    this.#ahead.forget(position, position)
    this.#failure.run(attempts, dueAtMs, errors, stateSum(position, attempts, dueAtMs), position)
  }

  /** Its failed attempts, as they stand in the row. */
  errors(position: number): unknown {
    this.flush()
    return (this.#errors.get(position) as { errors: unknown } | undefined)?.errors
  }

  delete(first: number, last: number): void {
    this.flush()
    this.#ahead.forget(first, last)
    if (first === last) this.#delete.run(first)
    else this.#deleteRange.run(first, last)
  }
}

function rowsOf(heads: readonly WholeHead[], count: number, frames: Uint8Array): MessageRow[] {
  const rows: MessageRow[] = []
  let at = 0
  for (let i = 0; i < count; i++) {
    const [position, attempts, due_at, expires_at, stored_at, sequence, session, bytes, sum, message_id, errors] = heads[i]!
    rows.push({ position, attempts, due_at, expires_at, stored_at, sequence, session, bytes, sum, message_id, errors, frame: frames.subarray(at, (at += bytes)), opened: undefined })
  }
  return rows
}

function timeOf(row: unknown): number {
  return (row as { at: number | null } | undefined)?.at ?? Infinity
}

/** Takes the tables of a queue away, but for those of its dead letters. */
export function dropWaiting(sql: DatabaseSync, id: number): void {
  sql.exec(`DROP TABLE IF EXISTS waiting_${id}`)
}
