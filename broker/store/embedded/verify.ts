// Checks the store of a directory, whether a broker works with it or not. Runs where its caller may wait: on a thread of its own, or in a command.

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import type { Damage, VerifyReport } from '../../ground/store.ts'
import type { Progress } from './backup-file.ts'
import { gone, keptLogs } from './commit-watch.ts'
import { checkStore } from './store-check.ts'
import { databaseName, databaseState } from './store-files.ts'

export interface VerifyWishes {
  readonly directory: string
  /** undefined: all queues, and what belongs to none. */
  readonly queue?: string | undefined
  /** Share of its time that it works, 0..1: the rest it leaves to others. default 1 */
  readonly share?: number
}

/** What is damaged in the store. Takes the time that reading all of it takes. */
export async function verifyStore({ directory, queue, share = 1 }: VerifyWishes, onProgress: Progress): Promise<VerifyReport> {
  const path = join(directory, databaseName)
  const damages: Damage[] = keptLogs(directory).flatMap(({ note }) => note.damages).filter(damage => queue === undefined || damage.queue === queue || damage.queue === '')
  const state = databaseState(directory)
  if (state === 'gone') return { checked: 0, damages: [...damages, { queue: '', problem: gone(directory).message }] }
  if (state === 'none') return { checked: 0, damages }
  let sql: DatabaseSync
  try {
    sql = new DatabaseSync(path, { readOnly: true, timeout: 5000 })
  } catch (error) {
    return { checked: 0, damages: [...damages, { queue: '', problem: `${databaseName} cannot be opened: ${(error as Error).message}` }] }
  }
  let checked = 0
  try {
    let started = performance.now()
    for (const progress of checkStore(sql, queue, damages)) {
      checked = progress.checked
      onProgress(checked, progress.total)
      if (share < 1) {
        await pause((performance.now() - started) * (1 / share - 1))
        started = performance.now()
      }
    }
  } finally {
    sql.close()
  }
  return { checked, damages }
}
