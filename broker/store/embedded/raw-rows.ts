// What a raw row of the database is: a message, a dead letter, a queue, the store. Told by its columns, and believed by its checksum alone.

import type { RawRow, SqlValue } from './page-rows.ts'
import { StoreSeal, type QueueSeal } from './row-seal.ts'
import { storeSum } from './row-sum.ts'
import type { TableKind, WalkedRow } from './row-walk.ts'
import { isWholeQueue, type QueueRow } from './store-check.ts'

/** Columns of the tables in their order; the first one is the rowid, which a raw row does not repeat. */
const WAITING = ['position', 'attempts', 'dueAtMs', 'expiresAtMs', 'storedAtMs', 'sequence', 'session', 'messageId', 'errors', 'sum', 'blob']
const DEAD = ['position', 'dueAtMs', 'reason', 'attempts', 'expiresAtMs', 'storedAtMs', 'sequence', 'session', 'messageId', 'errors', 'sum', 'blob']
const STORE = ['id', 'format', 'store_id', 'epoch', 'clock_ms', 'key_ring', 'sum']

/** A message or a dead letter as it seems; undefined: it has other columns. */
export function messageOf({ rowid, values }: RawRow): { kind: TableKind; row: WalkedRow } | undefined {
  const kind = values.length === WAITING.length ? 'waiting' : values.length === DEAD.length ? 'dead' : undefined
  if (kind === undefined || !(values.at(-1) instanceof Uint8Array)) return undefined
  const row = named(kind === 'waiting' ? WAITING : DEAD, values)
  return { kind, row: { reason: null, ...row, position: rowid } as unknown as WalkedRow }
}

/** A queue whose checksum fits. `columns`: those of the table, in their order; the first format had all but the last. */
export function queueOf({ rowid, values }: RawRow, columns: readonly string[]): QueueRow | undefined {
  if ((values.length !== columns.length && values.length !== columns.length - 1) || typeof values[1] !== 'string') return undefined
  const row = { ...named(columns.slice(0, values.length), values), id: rowid } as unknown as QueueRow
  return isWholeQueue(row) ? row : undefined
}

export interface StoreRow {
  readonly store_id: string
  readonly epoch: number
  readonly key_ring: string | null
}

/** The row of the store, when its checksum fits. */
export function storeOf({ values }: RawRow): StoreRow | undefined {
  if (values.length !== STORE.length) return undefined
  const row = named(STORE, values)
  const { store_id: id, epoch, clock_ms: clock, key_ring: ring } = row
  const isWhole = typeof id === 'string' && typeof epoch === 'number' && typeof clock === 'number' && storeSum(id, epoch, clock) === row['sum']
  return isWhole ? { store_id: id, epoch, key_ring: typeof ring === 'string' ? ring : null } : undefined
}

/** The record of keys in what seems the row of a store, whether its checksum fits or not: it is sealed itself, and no checksum covers it. */
export function keyRingOf({ values }: RawRow): string | undefined {
  const ring = values.length === STORE.length ? values[STORE.indexOf('key_ring')] : undefined
  return isKeyRing(ring) ? ring : undefined
}

/** Reads as a record of keys; see key-ring.ts. */
export function isKeyRing(value: unknown): value is string {
  return typeof value === 'string' && value.startsWith('{"keys":[')
}

/** Tells whose a row is that does not say so: its checksum fits one queue alone. */
export class Owners {
  readonly #seals: { readonly id: number; readonly seal: QueueSeal }[]

  constructor(queues: readonly { readonly id: number; readonly name: string }[]) {
    const keyless = StoreSeal.keyless()
    this.#seals = queues.map(({ id, name }) => ({ id, seal: keyless.queue(name) }))
  }

  /** The number of the queue to which the row belongs; undefined: to none, or it is damaged. */
  of(row: WalkedRow): number | undefined {
    const content = { ...row, attempts: undefined, dueAtMs: undefined }
    const index = this.#seals.findIndex(({ seal }) => seal.check(content) === undefined)
    if (index < 0) return undefined
    const [owner] = this.#seals.splice(index, 1)
    // Rows of one page belong together: the next one is most likely its own as well.
    this.#seals.unshift(owner!)
    return owner!.id
  }
}

function named(columns: readonly string[], values: readonly SqlValue[]): Record<string, SqlValue> {
  return Object.fromEntries(columns.map((column, index) => [column, values[index] ?? null]))
}
