// What a watchdog leaves in the home for those who look: who it is, and what it had to do. Knows no broker.

import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { processStamp } from '../broker/ground/process-stamp.ts'

export interface WatchdogRecord {
  readonly pid: number
  /** See processStamp(). */
  readonly stamp: string
  /** ms since the epoch */
  readonly since: number
  /** How often it has started the broker again. */
  readonly restarts: number
  /** The latest death; undefined: there was none. */
  readonly last?: { readonly at: number; readonly how: string } | undefined
}

const pathOf = (home: string): string => join(home, 'watchdog.json')

/** The watchdog that runs for this home; undefined when there is none. */
export function findWatchdog(home: string): WatchdogRecord | undefined {
  const record = read(home)
  return record !== undefined && processStamp(record.pid) === record.stamp ? record : undefined
}

/** Told anew, whole or not at all. A home that cannot be written to is no reason to end. */
export function writeRecord(home: string, record: WatchdogRecord): void {
  const draft = `${pathOf(home)}.${process.pid}`
  try {
    writeFileSync(draft, `${JSON.stringify(record)}\n`, { mode: 0o600 })
    renameSync(draft, pathOf(home))
  } catch {
    rmSync(draft, { force: true })
  }
}

/** Takes this process's own record away. */
export function removeRecord(home: string): void {
  if (read(home)?.pid === process.pid) rmSync(pathOf(home), { force: true })
}

function read(home: string): WatchdogRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(pathOf(home), 'utf8')) as Partial<WatchdogRecord> | null
    return typeof record?.pid === 'number' && typeof record.stamp === 'string' ? (record as WatchdogRecord) : undefined
  } catch {
    return undefined
  }
}
