// Queues in Kafka as librdkafka mocks it, for tests of that store.

import type { QueueStore } from '../../broker/ground/store.ts'
import { defaultStore, type StoreSettings } from '../../broker/ground/store-settings.ts'
import type { Log } from '../../broker/ground/types.ts'
import { topicsOf } from '../../broker/store/kafka/names.ts'
import { openKafkaWithin } from '../../broker/store/kafka/open.ts'
import type { KafkaMock } from './kafka-mock.ts'
import type { StoreWorld } from './queue-rig.ts'
import { recordedLog } from './recorded-log.ts'

export interface KafkaWorldOptions extends Partial<StoreSettings['kafka']> {
  readonly writeMs?: number
  readonly silenceMs?: number
  readonly log?: Log
}

/** Topics are made when a queue is opened: the mock makes none when it is asked by the protocol. A write is tried for longer than by a broker, as the machine may be slow. */
export function kafkaWorld(cluster: KafkaMock, queue: string, { writeMs = 60_000, silenceMs = 10_000, log = recordedLog(), ...settings }: KafkaWorldOptions = {}): StoreWorld {
  const kafka = { ...defaultStore.kafka, brokers: cluster.brokers, prefix: 'test', ...settings }
  const open = async (broker: string): Promise<QueueStore> => {
    const store = await openKafkaWithin({ settings: { ...defaultStore, backend: 'kafka', kafka }, directory: '', log, broker }, { writeMs, silenceMs })
    const openQueue = store.open.bind(store)
    store.open = async (name, ...rest) => {
      await cluster.topics(Object.values(topicsOf(kafka.prefix, name)))
      return openQueue(name, ...rest)
    }
    return store
  }
  return { queue, open }
}
