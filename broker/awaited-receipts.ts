// Receipts of all fates that cannot leave yet, as some receiver has not taken its message: found where those messages wait.

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'

/** Messages whose senders wait, by their senders. Walks all that waits: for moments in which nothing else happens. */
export function awaitedReceipts(core: Core): Map<Connection, Set<number>> {
  const found = new Map<Connection, Set<number>>()
  for (const { outbound } of core.directory.all()) {
    for (const { watch } of outbound.unwritten.slices) {
      if (watch?.awaited === undefined) continue
      const { sender, ref } = watch.awaited
      const connection = core.directory.number(sender)
      if (connection === undefined) continue
      const refs = found.get(connection) ?? new Set()
      found.set(connection, refs.add(ref))
    }
  }
  return found
}
