// Before a broker ends its connections: what they published to queues is stored, and its receipts are on their way.

import type { Core } from './core.ts'
import { Deadline } from './ground/deadlines.ts'

/** Resolves when no queue waits for its store, or `limitMs` are over; nobody is read any more then. At once, and nobody is paused, where nothing waits. */
export async function lastReceipts(core: Core, limitMs: number): Promise<void> {
  const waiting = core.queues.list().filter((queue) => queue.waiting > 0)
  if (waiting.length === 0) return
  for (const connection of core.directory.all()) connection.pause()
  const late = Promise.withResolvers<void>()
  const deadline = new Deadline(() => late.resolve())
  core.deadlines.set(deadline, limitMs)
  await Promise.race([Promise.all(waiting.map((queue) => queue.emptied())), late.promise])
  core.deadlines.cancel(deadline)
}
