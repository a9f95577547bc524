// One append as messages of their own in a foreign store: splits it, and tells its publisher once what became of all of them.

import { BrokerError } from '../../ground/errors.ts'
import type { Append } from '../../ground/store.ts'
import { frameEnd } from '../../wire/regroup.ts'
import type { Entry, PutOutcome } from './foreign-queue.ts'

/** Its messages, each in bytes of its own. */
export function entriesOf(append: Append): Entry[] {
  const { bytes, start, end, messageId, session, sequence, dueAtMs, expiresAtMs } = append
  const entries: Entry[] = []
  for (let at = start; at < end; ) {
    const next = frameEnd(bytes, at)
    // Not slice: that of a Buffer gives a view.
    entries.push({ frame: new Uint8Array(bytes.subarray(at, next)), messageId, session, sequence, dueAtMs, expiresAtMs })
    at = next
  }
  return entries
}

/** Tells the watch of an append whose messages all have an outcome, equal neighbours in one call. `full`: what a full queue refuses with; undefined: it drops. */
export function tellOutcomes({ watch }: Append, outcomes: readonly PutOutcome[], full: BrokerError | undefined): void {
  for (let from = 0; from < outcomes.length; ) {
    let to = from + 1
    while (to < outcomes.length && follows(outcomes[from]!, outcomes[to]!, to - from)) to++
    const [outcome, count] = [outcomes[from]!, to - from]
    if (outcome instanceof BrokerError) watch.refused(count, outcome)
    else if (outcome !== 'full') watch.stored(outcome.position, count, outcome.isDuplicate)
    else if (full === undefined) watch.dropped(count)
    else watch.refused(count, full)
    from = to
  }
}

function follows(first: PutOutcome, other: PutOutcome, distance: number): boolean {
  if (first === 'full' || other === 'full') return first === other
  if (first instanceof BrokerError || other instanceof BrokerError) return first === other
  return other.position === first.position + distance && other.isDuplicate === first.isDuplicate
}
