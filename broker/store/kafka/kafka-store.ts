// Queues in Kafka: three topics for each, made when they are missing. One connection for all queues, which comes back by itself.

import { setTimeout as wait } from 'node:timers/promises'
import { BrokerError } from '../../ground/errors.ts'
import type { QueueListener, QueueStore, StoreContext, StoredQueue, StoreFeatures } from '../../ground/store.ts'
import type { QueueSettings } from '../../ground/store-settings.ts'
import { brokeredFeatures } from '../brokered/brokered-features.ts'
import { BrokeredQueue } from '../brokered/brokered-queue.ts'
import { OpenQueues } from '../brokered/open-queues.ts'
import { typeOf, type KafkaLink } from './kafka-link.ts'
import { KafkaQueue, type Patience } from './kafka-queue.ts'
import { queueOf, topicsOf } from './names.ts'
import { checkConfigs, checkedConfigs, missingTopics } from './topics.ts'

/** Between two tries to open a queue. */
const RETRY_MS = 200

function kafkaFeatures(replicas: number): StoreFeatures {
  return brokeredFeatures(replicas, {
    safe: 'fsync means confirmed by all servers that are in sync, two at least: Kafka does not sync to disk before it confirms',
    unsafe: 'the server confirms when the operating system has a message and does not sync, so fsync is refused; with replicas 3 two servers at least have it',
    others: [
      'one broker at a time serves a queue: a second one does not open it, and may 10 s after the first was killed',
      'what a broker that is killed had handed out uses up an attempt, though no consumer had it yet',
      'pause holds at the broker where it was asked for, not at one that takes over',
      'the servers are reached without TLS and without credentials',
      'of a broker that is killed, what attempts of the last second failed with is missing from the dead letter',
      'a time to live ends without a consumer only for messages that were published since the broker started',
    ],
  })
}

export class KafkaStore implements QueueStore {
  readonly backend = 'kafka'
  readonly features: StoreFeatures
  readonly verify = undefined
  readonly backup = undefined
  readonly #context: StoreContext
  readonly #link: KafkaLink
  readonly #patience: Patience
  readonly #queues = new OpenQueues<BrokeredQueue>('kafka')

  constructor(context: StoreContext, link: KafkaLink, patience: Patience) {
    this.features = kafkaFeatures(context.settings.kafka.replicas)
    this.#context = context
    this.#link = link
    this.#patience = patience
  }

  open(name: string, settings: QueueSettings, listener: QueueListener): Promise<StoredQueue> {
    return this.#queues.open(name, (onClosed) => this.#open(name, settings, listener, onClosed))
  }

  async #open(name: string, settings: QueueSettings, listener: QueueListener, onClosed: () => void): Promise<BrokeredQueue> {
    const { settings: { kafka }, broker, log } = this.#context
    const topics = topicsOf(kafka.prefix, name)
    let opened: KafkaQueue | undefined
    try {
      return await BrokeredQueue.open({
        name,
        backend: this.backend,
        settings,
        listener,
        log,
        durability: this.features.durability,
        open: async (foreign) => {
          opened = await this.#patiently(async () => {
            await this.#make(name, [topics.waiting, topics.journal, topics.dead])
            return KafkaQueue.open({ name, broker, settings, topics, link: this.#link, log, patience: this.#patience, listener: foreign })
          })
          return opened
        },
        onClosed,
      })
    } catch (error) {
      // What came half the way is served by nobody.
      await opened?.close()
      throw error
    }
  }

  async names(): Promise<string[]> {
    const { prefix } = this.#context.settings.kafka
    return (await this.#link.topics()).map(({ topic }) => queueOf(prefix, topic)).filter((queue) => queue !== undefined)
  }

  async remove(name: string): Promise<void> {
    const { waiting, journal, dead } = topicsOf(this.#context.settings.kafka.prefix, name)
    const there = new Set((await this.#link.topics()).map(({ topic }) => topic))
    const found = [waiting, journal, dead].filter((topic) => there.has(topic))
    if (found.length > 0) await this.#link.delete(found)
  }

  async close(): Promise<void> {
    await this.#queues.close()
    await this.#link.close()
  }

  // A leader that is being elected, as behind a topic that was just made, or a connection that took too long says nothing of the next try.
  async #patiently<T>(open: () => Promise<T>): Promise<T> {
    for (const endMs = performance.now() + this.#patience.writeMs; ; await wait(RETRY_MS)) {
      try {
        return await open()
      } catch (error) {
        if (BrokerError.from(error).code !== 'store.unavailable' || performance.now() >= endMs) throw error
      }
    }
  }

  async #make(queue: string, names: readonly string[]): Promise<void> {
    const { replicas } = this.#context.settings.kafka
    const missing = missingTopics(await this.#link.topics(), names, replicas)
    const there = names.filter((name) => !missing.some(({ topic }) => topic === name))
    if (there.length > 0) await this.#check(queue, there)
    if (missing.length === 0) return
    try {
      await this.#link.create(missing)
    } catch (error) {
      if (typeOf(error) === undefined) throw error
      throw new BrokerError('store.failed', { backend: this.backend, problem: `the topics of queue "${queue}" cannot be made: ${error instanceof Error ? error.message : String(error)}; make ${missing.map(({ topic }) => topic).join(', ')} of one partition each by hand, with retention.ms=-1` }, { cause: error })
    }
  }

  async #check(queue: string, topics: readonly string[]): Promise<void> {
    const { log, settings: { kafka } } = this.#context
    try {
      checkConfigs(await this.#link.configs(topics, checkedConfigs), kafka.replicas)
    } catch (error) {
      if (error instanceof BrokerError && error.code === 'store.failed') throw error
      // Not everybody may ask, and not every server answers: that is no reason to refuse messages.
      log.info({ queue, error }, 'store: Kafka does not say whether the topics of this queue keep what waits (retention.ms=-1)')
    }
  }
}
