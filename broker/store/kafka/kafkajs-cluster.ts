// The parts of kafkajs below its producer and its consumer, with types. A queue reads any offset at any time, and must know the offset of
// all that it writes and repeat a batch with the same numbers: kafkajs does that inside, and its public face offers none of it.

import { createRequire } from 'node:module'
import type { IHeaders } from 'kafkajs'
import type { Log } from '../../ground/types.ts'

export interface ClusterRecord {
  readonly key: null
  readonly value: Buffer
  readonly headers?: Readonly<Record<string, string>>
  /** Milliseconds since the epoch */
  readonly timestamp: number
}

export interface FetchedRecord {
  readonly offset: string
  readonly timestamp: string
  readonly value: Buffer | null
  readonly headers: IHeaders
  readonly isControlRecord: boolean
}

interface ForPartition<T> {
  readonly topics: readonly { readonly topic: string; readonly partitions: readonly ({ readonly partition: number } & T)[] }[]
}

export interface TopicConfig {
  readonly topic: string
  readonly numPartitions: number
  readonly replicationFactor: number
  readonly configEntries: readonly { readonly name: string; readonly value: string }[]
}

/** One server, connected when it is asked. */
export interface ClusterBroker {
  produce(request: { topicData: readonly { topic: string; partitions: readonly { partition: number; firstSequence: number; messages: readonly ClusterRecord[] }[] }[]; producerId: string; producerEpoch: number; acks: number; timeout: number }): Promise<{ topics: { partitions: { baseOffset: string }[] }[] }>
  fetch(request: ForPartition<{ fetchOffset: string; maxBytes: number }> & { maxWaitTime: number; minBytes: number; maxBytes: number; isolationLevel: number }): Promise<{ responses: { partitions: { highWatermark: string; messages: FetchedRecord[] }[] }[] }>
  listOffsets(request: ForPartition<{ timestamp: number }>): Promise<{ responses: { partitions: { offset: string }[] }[] }>
  initProducerId(request: { transactionalId: undefined; transactionTimeout: number }): Promise<{ producerId: string; producerEpoch: number }>
  createTopics(request: { topics: readonly TopicConfig[]; validateOnly: boolean; timeout: number }): Promise<unknown>
  describeConfigs(request: { resources: readonly { type: number; name: string; configNames: readonly string[] }[] }): Promise<{ resources: { resourceName: string; configEntries: { configName: string; configValue: string }[] }[] }>
  deleteTopics(request: { topics: readonly string[]; timeout: number }): Promise<unknown>
  deleteRecords(request: ForPartition<{ offset: string }>): Promise<unknown>
}

export interface TopicMetadata {
  readonly topic: string
  readonly partitionMetadata: readonly { readonly partitionId: number; readonly replicas: readonly number[] }[]
}

export interface Cluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  refreshMetadata(): Promise<void>
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>
  /** All topics. null: no server answered. */
  metadata(request: { topics: readonly string[] }): Promise<{ topicMetadata: readonly TopicMetadata[] } | null>
  /** By the id of the server. */
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Readonly<Record<string, readonly number[]>>
  findBroker(request: { nodeId: string }): Promise<ClusterBroker>
  findControllerBroker(): Promise<ClusterBroker>
}

export interface ClusterOptions {
  readonly brokers: readonly string[]
  readonly clientId: string
  readonly log: Log
  /** For one answer. ms */
  readonly requestMs: number
}

interface KafkaJsLogEntry {
  readonly level: number
  readonly log: { readonly message: string; readonly error?: unknown }
}

const CONNECT_MS = 2000
const METADATA_AGE_MS = 60_000
const WARN = 2

/** What kafkajs logs goes to the log of the broker at level debug: what matters is told as an error of the call. */
export function openCluster({ brokers, clientId, log, requestMs }: ClusterOptions): Cluster {
  // kafkajs takes 60 ms to load: only who keeps queues in Kafka pays. It has no types for what is inside.
  const load = createRequire(import.meta.url)
  const Constructor = load('kafkajs/src/cluster') as new (options: object) => Cluster
  const { createLogger } = load('kafkajs/src/loggers') as { readonly createLogger: (options: object) => unknown }
  const socketFactory = load('kafkajs/src/network/socketFactory') as () => unknown
  calm((load('kafkajs/src/network/requestQueue') as { readonly prototype: RequestQueue }).prototype)
  return new Constructor({
    logger: createLogger({ level: WARN, logCreator: () => ({ log: { message, error } }: KafkaJsLogEntry) => log.debug({ error }, `kafkajs: ${message}`) }),
    socketFactory: socketFactory(),
    brokers: [...brokers],
    clientId,
    connectionTimeout: CONNECT_MS,
    requestTimeout: requestMs,
    enforceRequestTimeout: true,
    metadataMaxAge: METADATA_AGE_MS,
    // Whoever asks tries again, and knows what may be repeated.
    retry: { retries: 0 },
    allowAutoTopicCreation: false,
    maxInFlightRequests: null,
    isolationLevel: 0,
  })
}

interface RequestQueue {
  readonly pending: readonly unknown[]
  readonly throttledUntil: number
  scheduleCheckPendingRequests: (this: RequestQueue) => void
}

const calmed = new WeakSet<RequestQueue>()

// kafkajs sets a timer of -1,795,300,090,553 ms after each answer, of which Node warns on stderr. Where nothing is pending none is needed.
function calm(prototype: RequestQueue): void {
  if (calmed.has(prototype)) return
  calmed.add(prototype)
  const { scheduleCheckPendingRequests } = prototype
  prototype.scheduleCheckPendingRequests = function () {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) scheduleCheckPendingRequests.call(this)
  }
}
