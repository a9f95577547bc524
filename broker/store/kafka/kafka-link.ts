// Questions to the servers of Kafka about partition 0 of topics: write, read, first and last offset; and to make and delete topics.
// One for all queues. An error is told once, as a BrokerError; nothing is repeated here.

import { BrokerError } from '../../ground/errors.ts'
import { openCluster, type Cluster, type ClusterBroker, type ClusterOptions, type ClusterRecord, type FetchedRecord, type TopicConfig, type TopicMetadata } from './kafkajs-cluster.ts'

export interface Producer {
  readonly producerId: string
  readonly producerEpoch: number
}

export interface Fetched {
  readonly records: readonly FetchedRecord[]
  /** Offset of what will be written next. */
  readonly end: number
}

/** For one answer. ms */
const REQUEST_MS = 5000
const PARTITION = 0
const ALL_REPLICAS = -1
/** Kind of what is configured. */
const TOPIC = 2
const [LATEST, EARLIEST] = [-1, -2]
/** Names of kafkajs's errors after which its picture of the cluster may be wrong. */
const STALE = /^(NOT_LEADER|LEADER_NOT_AVAILABLE|UNKNOWN_TOPIC|REPLICA_NOT|PREFERRED_LEADER|FENCED_LEADER|NOT_CONTROLLER)/

export function unavailable(problem: string, cause?: unknown): BrokerError {
  return new BrokerError('store.unavailable', { backend: 'kafka', problem }, { cause })
}

export class KafkaLink {
  readonly #options: Omit<ClusterOptions, 'requestMs'>
  readonly #cluster: Cluster

  constructor(options: Omit<ClusterOptions, 'requestMs'>) {
    this.#options = options
    this.#cluster = openCluster({ ...options, requestMs: REQUEST_MS })
  }

  /** @throws BrokerError `store.unavailable` */
  connect(): Promise<void> {
    return this.#asked(() => this.#cluster.connect())
  }

  /** A number for whoever writes, by which the servers know repeats. */
  newProducer(topic: string): Promise<Producer> {
    return this.#atLeader(topic, (leader) => leader.initProducerId({ transactionalId: undefined, transactionTimeout: REQUEST_MS }))
  }

  /** Written at all replicas that are in sync. Resolves with the offset of the first one; the same sequence again changes nothing. */
  async produce(topic: string, { producerId, producerEpoch }: Producer, firstSequence: number, messages: readonly ClusterRecord[]): Promise<number> {
    const topicData = [{ topic, partitions: [{ partition: PARTITION, firstSequence, messages }] }]
    const answer = await this.#atLeader(topic, (leader) => leader.produce({ topicData, producerId, producerEpoch, acks: ALL_REPLICAS, timeout: REQUEST_MS }))
    return Number(answer.topics[0]!.partitions[0]!.baseOffset)
  }

  /** From the batch in which that offset is, which must exist; as many as fit, one batch at least. */
  async fetch(topic: string, from: number, maxBytes: number): Promise<Fetched> {
    const partitions = [{ partition: PARTITION, fetchOffset: String(from), maxBytes }]
    const answer = await this.#atLeader(topic, (leader) => leader.fetch({ topics: [{ topic, partitions }], maxWaitTime: REQUEST_MS, minBytes: 1, maxBytes, isolationLevel: 0 }))
    const { messages, highWatermark } = answer.responses[0]!.partitions[0]!
    return { records: messages.filter(({ offset }) => Number(offset) >= from), end: Number(highWatermark) }
  }

  /** Offset of the first record that is kept. */
  first(topic: string): Promise<number> {
    return this.#offset(topic, EARLIEST)
  }

  /** Offset of what will be written next. */
  end(topic: string): Promise<number> {
    return this.#offset(topic, LATEST)
  }

  async topics(): Promise<readonly TopicMetadata[]> {
    const answer = await this.#asked(() => this.#cluster.metadata({ topics: [] }))
    if (answer === null) throw unavailable(`none of ${this.#options.brokers.join(', ')} answers`)
    return answer.topicMetadata
  }

  /** Settings of topics, by topic and name. */
  async configs(topics: readonly string[], names: readonly string[]): Promise<Map<string, Map<string, string>>> {
    const { resources } = await this.#atController((controller) => controller.describeConfigs({ resources: topics.map((name) => ({ type: TOPIC, name, configNames: names })) }))
    return new Map(resources.map(({ resourceName, configEntries }) => [resourceName, new Map(configEntries.map(({ configName, configValue }) => [configName, configValue]))]))
  }

  create(topics: readonly TopicConfig[]): Promise<unknown> {
    return this.#atController((controller) => controller.createTopics({ topics, validateOnly: false, timeout: REQUEST_MS }))
  }

  delete(topics: readonly string[]): Promise<unknown> {
    return this.#atController((controller) => controller.deleteTopics({ topics, timeout: REQUEST_MS }))
  }

  /** Deletes the records before that offset. */
  trim(topic: string, offset: number): Promise<unknown> {
    return this.#atLeader(topic, (leader) => leader.deleteRecords({ topics: [{ topic, partitions: [{ partition: PARTITION, offset: String(offset) }] }] }))
  }

  async close(): Promise<void> {
    await this.#cluster.disconnect().catch(() => {})
  }

  async #offset(topic: string, timestamp: number): Promise<number> {
    const answer = await this.#atLeader(topic, (leader) => leader.listOffsets({ topics: [{ topic, partitions: [{ partition: PARTITION, timestamp }] }] }))
    return Number(answer.responses[0]!.partitions[0]!.offset)
  }

  #atLeader<T>(topic: string, ask: (leader: ClusterBroker) => Promise<T>): Promise<T> {
    return this.#asked(async () => {
      await this.#cluster.addMultipleTargetTopics([topic])
      const [nodeId] = Object.keys(this.#cluster.findLeaderForPartitions(topic, [PARTITION]))
      if (nodeId === undefined) throw unavailable(`topic ${topic} has no leader`)
      return ask(await this.#cluster.findBroker({ nodeId }))
    })
  }

  #atController<T>(ask: (controller: ClusterBroker) => Promise<T>): Promise<T> {
    return this.#asked(async () => {
      await this.#cluster.refreshMetadata()
      return ask(await this.#cluster.findControllerBroker())
    })
  }

  async #asked<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask()
    } catch (error) {
      if (error instanceof BrokerError) throw error
      const type = typeOf(error)
      // The next one who asks finds the leader that there is then.
      if (type === undefined || STALE.test(type)) await this.#cluster.refreshMetadata().catch(() => {})
      throw unavailable(`${this.#options.brokers.join(', ')}: ${error instanceof Error ? error.message : String(error)}`, error)
    }
  }
}

/** What the servers call an error: `MESSAGE_TOO_LARGE`; undefined: it is none of theirs. */
export function typeOf(error: unknown): string | undefined {
  const cause = error instanceof BrokerError ? error.cause : error
  const { type, name } = (typeof cause === 'object' && cause !== null ? cause : {}) as { readonly type?: string; readonly name?: string }
  return type ?? (name === 'KafkaJSServerDoesNotSupportApiKey' ? 'UNSUPPORTED_VERSION' : undefined)
}
