// Waits for what tells nobody that it has happened, such as the end of a process that is no child of the test.

import { setTimeout as delay } from 'node:timers/promises'
import { inspect } from 'node:util'
import { processStamp } from '../../broker/ground/process-stamp.ts'

const LOOK_MS = 5
/** Nobody waits for it when all is well; below the time after which AVA ends a test process without a word of where it stood. */
const LIMIT_MS = 100_000

/**
 * Resolves when `holds` does. Looks again and again: where an event says it, wait for the event. `seen` is what was there instead, for whoever
 * reads of the failure.
 * @throws Error when it has not come true after 100 s
 */
export async function until(holds: () => boolean | Promise<boolean>, seen?: () => unknown): Promise<void> {
  const lateMs = performance.now() + LIMIT_MS
  while (!(await holds())) {
    if (performance.now() > lateMs) throw new Error(`not within ${LIMIT_MS / 1000} s: ${String(holds)}${seen === undefined ? '' : `; last seen: ${inspect(seen())}`}`)
    await delay(LOOK_MS)
  }
}

/** True while a process runs; what has ended and waits for its parent to look does not. */
export function isThere(pid: number): boolean {
  return processStamp(pid) !== undefined
}
