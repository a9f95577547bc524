// The tables of a store beside its messages, in a repair: what the old ones say as far as it can be believed, and the new ones. See repair.ts.

import { randomBytes } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import { openRaw } from './raw-database.ts'
import { isKeyRing, keyRingOf, queueOf, storeOf, type StoreRow } from './raw-rows.ts'
import { idSum, storeSum, totalsSum } from './row-sum.ts'
import { isWholeQueue, type QueueRow } from './store-check.ts'

export interface OldQueue {
  readonly id: number
  readonly name: string
  /** Its row, when its checksum fits. */
  readonly row: QueueRow | undefined
}

export interface OldStore {
  readonly storeId: string
  readonly epoch: number
  readonly keyRing: string | null
  readonly queues: readonly OldQueue[]
}

/** Columns of the table of queues in their order. */
export function columnsOf(sql: DatabaseSync): string[] {
  return (sql.prepare(`SELECT name FROM pragma_table_info('queues') ORDER BY cid`).all() as { name: string }[]).map(({ name }) => name)
}

/** Store and queues of a damaged file: by SQLite, by its pages, and where the list is lost, by the names that there may be. `isGone`: SQLite must not see it. `logs`: that were kept. */
export function readOldStore(path: string, columns: readonly string[], names: readonly string[], { isGone, logs }: { readonly isGone: boolean; readonly logs: readonly string[] }): OldStore {
  const known = isGone ? { store: undefined, keyRing: undefined, queues: [] } : bySql(path)
  const [stores, queues, rings] = byPages(path, columns, undefined)
  for (const log of logs) {
    const [laterStores, laterQueues, laterRings] = byPages(path, columns, log)
    if (stores.length === 0) stores.push(...laterStores)
    if (rings.length === 0) rings.push(...laterRings)
    // The store went on since: only what it does not know.
    queues.push(...laterQueues.filter(({ id }) => ![...queues, ...known.queues].some(queue => queue.id === id)))
  }
  const store = known.store ?? stores.at(-1)
  const all = new Map<number, OldQueue>()
  for (const queue of [...queues.map((row): OldQueue => ({ id: row.id, name: row.name, row })), ...known.queues]) {
    const before = all.get(queue.id)
    if (before?.row === undefined || queue.row !== undefined) all.set(queue.id, queue)
  }
  // Tables without a name: their rows tell whose they are, if it is one of these.
  let free = Math.max(0, ...all.keys()) + 1
  for (const name of names) if (![...all.values()].some(queue => queue.name === name)) all.set(free, { id: free++, name, row: undefined })
  return { storeId: store?.store_id ?? randomBytes(16).toString('hex'), epoch: store?.epoch ?? 0, keyRing: store?.key_ring ?? known.keyRing ?? rings.at(-1) ?? null, queues: [...all.values()] }
}

function bySql(path: string): { store: StoreRow | undefined; keyRing: string | undefined; queues: OldQueue[] } {
  let sql: DatabaseSync | undefined
  const queues: OldQueue[] = []
  let store: StoreRow | undefined
  try {
    sql = new DatabaseSync(path, { readOnly: true })
    // First: a damaged list of queues takes nothing from it.
    store = sql.prepare('SELECT store_id, epoch, key_ring, clock_ms, sum FROM store').get() as unknown as StoreRow | undefined
  } catch {
    // Pages tell.
  }
  try {
    for (const row of (sql?.prepare('SELECT * FROM queues').iterate() ?? []) as unknown as Iterable<QueueRow>) {
      if (typeof row.name === 'string') queues.push({ id: row.id, name: row.name, row: isWholeQueue(row) ? row : undefined })
    }
  } catch {
    // What was read until here counts; pages tell the rest.
  } finally {
    sql?.close()
  }
  const isStore = typeof store?.store_id === 'string' && /^[0-9a-f]{32}$/.test(store.store_id) && Number.isSafeInteger(store.epoch)
  // A row whose id is damaged has the record of keys all the same: without it no id and no session is known any more.
  return { store: isStore ? store : undefined, keyRing: isKeyRing(store?.key_ring) ? store.key_ring : undefined, queues }
}

/** @param log a log that was kept, of which only what is behind its damage; undefined: what the database says now */
function byPages(path: string, columns: readonly string[], log: string | undefined): [stores: StoreRow[], queues: QueueRow[], keyRings: string[]] {
  const raw = openRaw(path, log)
  const stores: StoreRow[] = []
  const queues: QueueRow[] = []
  const rings: string[] = []
  try {
    for (const row of log === undefined ? raw.rows() : raw.rowsBehind()) {
      const [store, queue, ring] = [storeOf(row), queueOf(row, columns), keyRingOf(row)]
      if (store !== undefined) stores.push(store)
      if (queue !== undefined) queues.push(queue)
      if (ring !== undefined) rings.push(ring)
    }
  } finally {
    raw.close()
  }
  return [stores, queues, rings]
}

/** The table of one queue that is neither messages nor dead letters, as far as it can be read. Entries of the dedup window only as their sum fits. */
export function copyTable(from: DatabaseSync, table: string, into: DatabaseSync): void {
  const schema = from.prepare('SELECT sql FROM sqlite_schema WHERE name = ?').get(table) as { sql: string } | undefined
  if (schema === undefined) return
  into.exec(schema.sql)
  into.exec('BEGIN')
  try {
    for (const row of from.prepare(`SELECT * FROM ${table}`).iterate() as unknown as Iterable<Record<string, string | number>>) {
      if (table.startsWith('ids_') && idSum(String(row['id']), Number(row['position']), Number(row['at'])) !== row['sum']) continue
      into.prepare(`INSERT OR IGNORE INTO ${table} VALUES (${Object.keys(row).map(() => '?').join(', ')})`).run(...Object.values(row))
    }
  } finally {
    into.exec('COMMIT')
  }
}

/** The row of a queue: counted anew, with the history that it had. */
export function writeQueue(sql: DatabaseSync, { id, name, row }: OldQueue, given: number): void {
  const waiting = sql.prepare(`SELECT count(*) AS count, coalesce(sum(length(frame)), 0) AS bytes, coalesce(sum(due_at > 0), 0) AS scheduled, coalesce(max(position), 0) AS last FROM waiting_${id}`).get() as Record<string, number>
  const dead = sql.prepare(`SELECT count(*) AS count, coalesce(sum(length(frame)), 0) AS bytes, coalesce(max(position), 0) AS last FROM dead_${id}`).get() as Record<string, number>
  sql.prepare('INSERT INTO queues (id, name) VALUES (?, ?)').run(id, name)
  const made = sql.prepare('SELECT * FROM queues WHERE id = ?').get(id) as unknown as Record<string, number>
  const totals: Record<string, number> = { ...made, ...(row as unknown as Record<string, number> | undefined) }
  totals['waiting'] = waiting['count']!
  totals['waiting_bytes'] = waiting['bytes']!
  totals['scheduled'] = waiting['scheduled']!
  totals['dead'] = dead['count']!
  totals['dead_bytes'] = dead['bytes']!
  totals['last_position'] = Math.max(totals['last_position']!, given, waiting['last']!, dead['last']!)
  // A message that only the repair could read was passed over by the mark, and nobody had it. Those that were out may get one attempt more.
  totals['attempted'] = 0
  balance(totals)
  const columns = Object.keys(made).filter(column => column !== 'id' && column !== 'name' && column !== 'sum')
  const values = columns.map(column => totals[column]!)
  sql.prepare(`UPDATE queues SET ${columns.map(column => `${column} = ?`).join(', ')}, sum = ? WHERE id = ?`).run(...values, totalsSum(id, name, values), id)
}

// stored + replayed = acked + forwarded + dead lettered + expired + dropped + purged + waiting: what is missing for good counts as purged.
function balance(totals: Record<string, number>): void {
  const ended = ['acked', 'forwarded', 'dead_lettered', 'expired', 'dropped', 'purged', 'waiting'].reduce((sum, column) => sum + totals[column]!, 0)
  const missing = totals['stored']! + totals['replayed']! - ended
  if (missing > 0) totals['purged']! += missing
  else totals['stored']! -= missing
}

/** Returns the number of its last commit. */
export function writeStore(sql: DatabaseSync, { storeId, epoch, keyRing }: OldStore): number {
  const next = epoch + 1
  sql.prepare('UPDATE store SET store_id = ?, epoch = ?, clock_ms = 0, key_ring = ?, sum = ?').run(storeId, next, keyRing, storeSum(storeId, next, 0))
  return next
}
