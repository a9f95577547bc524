// Queues in JetStream of NATS servers, which several brokers may share. One connection for all queues, which comes back by itself.

import type { JetStreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { BrokerError } from '../../ground/errors.ts'
import type { QueueListener, QueueStore, StoreContext, StoredQueue, StoreFeatures } from '../../ground/store.ts'
import type { QueueSettings } from '../../ground/store-settings.ts'
import { brokeredFeatures } from '../brokered/brokered-features.ts'
import { BrokeredQueue } from '../brokered/brokered-queue.ts'
import { OpenQueues } from '../brokered/open-queues.ts'
import { asked, Asker, unavailable } from './asker.ts'
import { JetStreamQueue } from './jetstream-queue.ts'
import { deadStream, NOTES_STREAM, noteSubject, queueOf, waitingStream } from './names.ts'
import { makeStream, notesConfig, orNothing } from './stream-settings.ts'

function natsFeatures(replicas: number): StoreFeatures {
  return brokeredFeatures(replicas, {
    safe: 'fsync means stored by a majority of the servers: they write to disk before they confirm, and sync every two minutes',
    unsafe: 'the server confirms when the operating system has a message and syncs every two minutes, so fsync is refused; with replicas 3 a majority of servers has it',
    others: [
      'what was acknowledged right before a server is killed may be delivered again: it writes acknowledgements later than it confirms them',
      'ids of messages that are gone are remembered until the servers restart',
      'order per session holds within one broker; while several share a queue, or until the ack wait of one that was killed is over, messages of a session may overtake each other',
      'what was fetched by a broker that was killed has used up an attempt, and what its attempts failed with is missing from the dead letter',
      'a time to live ends without a consumer only for messages that were published through this broker since it started',
      'pause holds at the broker where it was asked for',
    ],
  })
}

export class NatsStore implements QueueStore {
  readonly backend = 'nats'
  readonly features: StoreFeatures
  readonly verify = undefined
  readonly backup = undefined
  readonly #context: StoreContext
  readonly #connection: NatsConnection
  readonly #manager: JetStreamManager
  readonly #asker: Asker
  readonly #queues = new OpenQueues<BrokeredQueue>('nats')
  readonly #streams = new Set<JetStreamQueue>()
  /** undefined: it is connected. */
  #problem: BrokerError | undefined

  private constructor(context: StoreContext, connection: NatsConnection, manager: JetStreamManager) {
    this.features = natsFeatures(context.settings.nats.replicas)
    this.#context = context
    this.#connection = connection
    this.#manager = manager
    this.#asker = new Asker(connection)
    void this.#follow()
  }

  /** @throws BrokerError `store.unavailable` */
  static async open(context: StoreContext, connection: NatsConnection, manager: JetStreamManager): Promise<NatsStore> {
    await makeStream(manager, notesConfig(context.settings.nats.replicas))
    return new NatsStore(context, connection, manager)
  }

  open(name: string, settings: QueueSettings, listener: QueueListener): Promise<StoredQueue> {
    return this.#queues.open(name, (onClosed) => this.#open(name, settings, listener, onClosed))
  }

  async #open(name: string, settings: QueueSettings, listener: QueueListener, onClosed: () => void): Promise<BrokeredQueue> {
    if (this.#problem !== undefined) throw this.#problem
    const { settings: { nats: { replicas } }, broker, log } = this.#context
    let stream: JetStreamQueue | undefined
    const forget = (): void => {
      if (stream !== undefined) this.#streams.delete(stream)
    }
    try {
      return await BrokeredQueue.open({
        name,
        backend: this.backend,
        settings,
        listener,
        log,
        durability: this.features.durability,
        open: async (foreign) => {
          stream = await JetStreamQueue.open({ name, broker, settings, replicas, connection: this.#connection, manager: this.#manager, asker: this.#asker, listener: foreign })
          this.#streams.add(stream)
          return stream
        },
        onClosed: () => {
          forget()
          onClosed()
        },
      })
    } catch (error) {
      // What came half the way is told of no more connections.
      forget()
      throw error
    }
  }

  names(): Promise<string[]> {
    return this.#asked(async () => {
      const names: string[] = []
      for await (const stream of this.#manager.streams.names()) {
        const queue = queueOf(stream)
        if (queue !== undefined) names.push(queue)
      }
      return names
    })
  }

  remove(name: string): Promise<void> {
    return this.#asked(() => this.#remove(name))
  }

  // The library would wait for the servers that it has lost, and for longer than anybody does.
  #asked<T>(ask: () => Promise<T>): Promise<T> {
    return this.#problem === undefined ? asked(ask()) : Promise.reject(this.#problem)
  }

  async #remove(name: string): Promise<void> {
    for (const stream of [waitingStream(name), deadStream(name)]) await this.#manager.streams.delete(stream).catch(orNothing)
    await this.#manager.streams.purge(NOTES_STREAM, { filter: noteSubject(name, '*') })
  }

  async close(): Promise<void> {
    await this.#queues.close()
    this.#asker.close()
    await this.#connection.close()
  }

  async #follow(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === 'disconnect') {
        this.#problem = unavailable(`the connection to ${status.server} is lost; it is tried again`)
        this.#context.log.warn({ server: status.server }, 'store: the connection to NATS is lost')
        this.#asker.lost('the connection was lost')
        for (const stream of this.#streams) stream.lost(this.#problem)
      } else if (status.type === 'reconnect') {
        this.#problem = undefined
        this.#asker.rejoined()
        this.#context.log.info({ server: status.server }, 'store: connected to NATS again')
        for (const stream of this.#streams) stream.rejoined()
      }
    }
  }
}
