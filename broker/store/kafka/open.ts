// Opens the store of backend `kafka`: connects to the servers that the configuration names.

import type { OpenStore } from '../../ground/store.ts'
import { KafkaLink } from './kafka-link.ts'
import { KafkaStore } from './kafka-store.ts'

/** @throws BrokerError `store.unavailable` */
export const openKafka: OpenStore = async (context) => {
  const { brokers, clientId } = context.settings.kafka
  const link = new KafkaLink({ brokers, clientId, log: context.log })
  try {
    await link.connect()
  } catch (error) {
    await link.close()
    throw error
  }
  return new KafkaStore(context, link)
}
