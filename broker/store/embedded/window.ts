// Reads rows of a queue in order, and what cannot be read one by one, so that one bad place does not hide those behind it.

import type { QueueState } from './queue-state.ts'

/** Places that are tried one by one before the next turn. */
const MAX_STEPS = 200

export interface Window<Row> {
  readonly rows: Row[]
  /** Where the next window begins, when it is not behind the last row. */
  readonly next: number | undefined
}

/** What `read(after)` gives without what is not there. Rows out of order, and places that throw, are told as damage and passed over. */
export function readWindow<Row extends { readonly position: number }>(queue: QueueState, after: number, read: (after: number) => (Row | undefined)[]): Window<Row> {
  try {
    const rows = read(after).filter((row) => row !== undefined)
    return isGrowing(rows, after) ? { rows, next: undefined } : { rows: sound(queue, rows, after), next: undefined }
  } catch (error) {
    if (!isUnreadable(error)) throw error
    return stepOver(queue, after, (error as Error).message)
  }
}

function isGrowing(rows: readonly { readonly position: number }[], after: number): boolean {
  let last = after
  for (const { position } of rows) {
    if (position <= last) return false
    last = position
  }
  return true
}

// A page that stands twice gives rows that were there already, or belong elsewhere.
function sound<Row extends { readonly position: number }>(queue: QueueState, rows: readonly Row[], after: number): Row[] {
  let last = after
  return rows.filter(({ position }) => {
    if (position > last) {
      last = position
      return true
    }
    queue.setAside(position, 'the row stands where it does not belong: a page is in the place of another')
    return false
  })
}

function stepOver<Row extends { readonly position: number }>(queue: QueueState, after: number, problem: string): Window<Row> {
  const last = Math.min(queue.totals.last_position, after + MAX_STEPS)
  for (let position = after + 1; position <= last; position++) {
    try {
      const row = queue.waiting.row(position)
      if (row !== undefined) return { rows: [row as unknown as Row], next: position }
    } catch (error) {
      if (!isUnreadable(error)) throw error
      queue.setAside(position, problem)
    }
  }
  return { rows: [], next: last }
}

/** SQLITE_CORRUPT, or a column that holds what JavaScript cannot. */
export function isUnreadable(error: unknown): boolean {
  const { errcode, code } = error as { errcode?: number; code?: string }
  return (errcode !== undefined && (errcode & 0xff) === 11) || code === 'ERR_OUT_OF_RANGE'
}
