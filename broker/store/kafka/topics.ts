// What the topics of a queue must be like, and which are missing. Pure.

import { BrokerError } from '../../ground/errors.ts'
import type { TopicConfig, TopicMetadata } from './kafkajs-cluster.ts'

/** A frame may be larger than the 1 MiB that Kafka takes by default. */
const MAX_MESSAGE_BYTES = 8 * 1024 * 1024

/**
 * Those that are not there, as they shall be made.
 * @throws BrokerError `store.failed` when one that is there has more partitions, or fewer copies than `replicas`
 */
export function missingTopics(found: readonly TopicMetadata[], names: readonly string[], replicas: number): TopicConfig[] {
  for (const { topic, partitionMetadata } of found) {
    if (!names.includes(topic)) continue
    if (partitionMetadata.length !== 1) throw failed(`topic ${topic} has ${partitionMetadata.length} partitions, and positions need one; delete it, or choose another store.kafka.prefix`)
    const copies = partitionMetadata[0]!.replicas.length
    if (copies < replicas) throw failed(`topic ${topic} has ${copies} replicas, store.kafka.replicas asks for ${replicas}; add some there, or ask for fewer`)
  }
  const there = new Set(found.map(({ topic }) => topic))
  return names.filter((topic) => !there.has(topic)).map((topic) => ({ topic, numPartitions: 1, replicationFactor: replicas, configEntries: entries(replicas) }))
}

// What waits must not be deleted by age: what is settled is deleted by its offset.
function entries(replicas: number): TopicConfig['configEntries'] {
  const config = { 'cleanup.policy': 'delete', 'retention.ms': -1, 'retention.bytes': -1, 'max.message.bytes': MAX_MESSAGE_BYTES, 'min.insync.replicas': replicas > 2 ? 2 : 1, 'unclean.leader.election.enable': false }
  return Object.entries(config).map(([name, value]) => ({ name, value: String(value) }))
}

function failed(problem: string): BrokerError {
  return new BrokerError('store.failed', { backend: 'kafka', problem })
}
