// Queues that the store keeps and no channel has any more: their messages are neither delivered nor deleted until somebody says so.

import type { Core } from './core.ts'
import { BrokerError } from './ground/errors.ts'

const MAX_NAMED = 20

/** Tells the log of them, once after a start. Stores that several brokers share have queues of others as well: of those nothing is said. */
export async function tellStrayQueues({ queues, channels, settings, log }: Core): Promise<void> {
  const { store } = queues
  if (store === undefined || settings.store.backend !== 'embedded') return
  try {
    const strays = (await store.names()).filter((name) => channels.find(name)?.mode !== 'queue')
    if (strays.length === 0) return
    log.warn({ queues: strays.slice(0, MAX_NAMED), count: strays.length }, 'the store keeps queues that no channel has; create a channel of that name with mode queue to get at their messages, or delete it with force')
  } catch (error) {
    log.debug({ err: BrokerError.from(error) }, 'the store did not say which queues it keeps')
  }
}
