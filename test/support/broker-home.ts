// Who has the home of a broker that was upgraded: no child of the test, so that it must be looked for, and ended.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Teardown } from './temporary-directory.ts'

/** Process id of the broker that has the home. */
export const holderOf = (home: string): number => Number(readFileSync(join(home, 'callboard.pid'), 'utf8').split('\n', 1)[0])

export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Kills whoever has the home when the test ends. */
export function endHolder(t: Teardown, home: string): void {
  t.teardown(() => {
    try {
      process.kill(holderOf(home), 'SIGKILL')
    } catch {
      // It has ended in order.
    }
  })
}
