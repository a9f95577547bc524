// Before a broker ends its connections: what they published to queues is stored, and its receipts are on their way.

import type { Core } from './core.ts'
import { Deadline } from './ground/deadlines.ts'

/** Resolves when no queue waits for its store, or `limitMs` are over; nobody is read any more then. At once, and nobody is paused, where nothing waits. */
export async function lastReceipts(core: Core, limitMs: number): Promise<void> {
  if (!waits(core)) return
  for (const connection of core.directory.all()) connection.pause()
  await storesAnswer(core, limitMs)
}

/** As lastReceipts(), but whoever is read stays so: resolves with false when some queue still waits. */
export async function storesAnswer(core: Core, limitMs: number): Promise<boolean> {
  const late = Promise.withResolvers<void>()
  const deadline = new Deadline(() => late.resolve())
  core.deadlines.set(deadline, limitMs)
  const emptied = core.queues.list().map((queue) => queue.emptied())
  await Promise.race([Promise.all(emptied), late.promise])
  core.deadlines.cancel(deadline)
  return !waits(core)
}

function waits(core: Core): boolean {
  return core.queues.list().some((queue) => queue.waiting > 0)
}
