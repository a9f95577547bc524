// Waits for what a run must come to, but not for ever.

import { setTimeout as sleep } from 'node:timers/promises'

const LONGEST_MS = 20_000
const LOOK_EVERY_MS = 10

/** Resolves when `isDone` says so, or after 20 s: whoever waited looks at what is missing. */
export async function until(isDone: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + LONGEST_MS
  while (!isDone() && performance.now() < deadlineMs) await sleep(LOOK_EVERY_MS)
}
