// Waits for something that nobody tells of, bounded: looked at now and then, for what happens once in the life of a process.

import { Deadline } from '../broker/ground/deadlines.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import type { Environment } from './behaviour.ts'

/** How often it is looked at. ms */
const LOOK_MS = 10

/** Resolves to true once `isSo`, to false when `limitMs` are over. What `isSo` throws rejects. */
export function waitUntil(isSo: () => boolean, limitMs: number, { clock, deadlines }: Pick<Environment, 'clock' | 'deadlines'>): Promise<boolean> {
  const endMs = clock.monotonicMs() + limitMs
  return new Promise((resolve, reject) => {
    const deadline = new Deadline(look)
    function look(): void {
      try {
        if (isSo()) resolve(true)
        else if (clock.monotonicMs() >= endMs) resolve(false)
        else deadlines.set(deadline, LOOK_MS)
      } catch (error) {
        reject(BrokerError.from(error))
      }
    }
    look()
  })
}
