// Waits for what tells nobody that it has happened, such as the end of a process that is no child of the test.

import { setTimeout as delay } from 'node:timers/promises'
import { processStamp } from '../../broker/ground/process-stamp.ts'

const LOOK_MS = 5

/** Resolves when `holds` does. Looks again and again: where an event says it, wait for the event. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await delay(LOOK_MS)
}

/** True while a process runs; what has ended and waits for its parent to look does not. */
export function isThere(pid: number): boolean {
  return processStamp(pid) !== undefined
}
