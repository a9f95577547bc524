// Opens the store of backend `kafka`: connects to the servers that the configuration names.

import type { OpenStore, StoreContext } from '../../ground/store.ts'
import { KafkaLink } from './kafka-link.ts'
import type { Patience } from './kafka-queue.ts'
import { KafkaStore } from './kafka-store.ts'

/** Servers that are told nothing find a new leader in less; a broker shows three times in that silence that it is there. */
const PATIENCE: Patience = { writeMs: 4000, silenceMs: 10_000 }

/** @throws BrokerError `store.unavailable` */
export const openKafka: OpenStore = (context) => openKafkaWithin(context, PATIENCE)

/** With another patience, for tests of servers that are away. */
export async function openKafkaWithin(context: StoreContext, patience: Patience): Promise<KafkaStore> {
  const { brokers, clientId } = context.settings.kafka
  const link = new KafkaLink({ brokers, clientId, log: context.log })
  try {
    await link.connect()
  } catch (error) {
    await link.close()
    throw error
  }
  return new KafkaStore(context, link, patience)
}
