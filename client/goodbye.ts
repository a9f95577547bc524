// The time between our goodbye and the broker's end of the connection. Knows how much has left, and no frame.

import type { Clock } from '../broker/ground/clock.ts'

const LOOK_MS = 1000
/**
 * Looks in a row at which a broker may have taken nothing of what still has to leave, or, when it has all of it, has not ended the
 * connection: it may be busy, hold us back, or have threads at work on the last messages, which are lost where the link goes before them.
 */
const MAX_LOOKS = 5

/**
 * Calls `giveUp` when the broker has not ended the connection five seconds after all had left, or takes nothing of it for five.
 * The function that it returns calls it off.
 */
export function awaitEnd(unsentBytes: () => number, clock: Clock, giveUp: () => void): () => void {
  let beforeBytes = unsentBytes()
  let looks = 0
  const look = (): void => {
    const leftBytes = unsentBytes()
    looks = leftBytes < beforeBytes ? 0 : looks + 1
    beforeBytes = leftBytes
    if (looks < MAX_LOOKS) cancel = clock.after(LOOK_MS, look)
    else giveUp()
  }
  let cancel = clock.after(LOOK_MS, look)
  return () => cancel()
}
