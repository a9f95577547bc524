// What the topics of a queue must be like, and which are missing or would lose messages. Pure.

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

/** Settings of a topic by which messages could be lost. */
export const checkedConfigs = ['cleanup.policy', 'retention.ms', 'retention.bytes', 'min.insync.replicas'] as const

/**
 * A topic that was made by others must keep what waits.
 * @throws BrokerError `store.failed` when it deletes by age, size or key, or confirms what fewer servers have than is promised
 */
export function checkConfigs(found: ReadonlyMap<string, ReadonlyMap<string, string>>, replicas: number): void {
  for (const [topic, config] of found) {
    for (const [name, value] of config) {
      const wanted = name === 'min.insync.replicas' ? String(inSync(replicas)) : name === 'cleanup.policy' ? 'delete' : '-1'
      if (name === 'min.insync.replicas' ? Number(value) < Number(wanted) : value !== wanted) throw failed(`topic ${topic} has ${name}=${value}, by which messages could be lost; set it to ${wanted}`)
    }
  }
}

function inSync(replicas: number): number {
  return replicas > 2 ? 2 : 1
}

// What waits must not be deleted by age: what is settled is deleted by its offset.
function entries(replicas: number): TopicConfig['configEntries'] {
  const config = { 'cleanup.policy': 'delete', 'retention.ms': -1, 'retention.bytes': -1, 'max.message.bytes': MAX_MESSAGE_BYTES, 'min.insync.replicas': inSync(replicas), 'unclean.leader.election.enable': false }
  return Object.entries(config).map(([name, value]) => ({ name, value: String(value) }))
}

function failed(problem: string): BrokerError {
  return new BrokerError('store.failed', { backend: 'kafka', problem })
}
