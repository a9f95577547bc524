// One key-value bucket of JetStream, as brokers share what they know: read, write by compare-and-set, watch. It outlives
// the connections through which it is asked. Knows nothing of what is in it.

import { JetStreamApiError, jetstream, jetstreamManager, StorageType, type JetStreamManager, type StreamConfig } from '@nats-io/jetstream'
import { Kvm, type KV } from '@nats-io/kv'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Clock } from '../../ground/clock.ts'
import { BrokerError } from '../../ground/errors.ts'
import type { BucketEntry, BucketWatcher } from './bucket-entry.ts'
import { KvWatch } from './kv-watch.ts'

export interface BucketSettings {
  readonly name: string
  /** For people who list buckets. */
  readonly description: string
  /** After how long an entry that was not written again is gone. ms, 0 = never */
  readonly ttlMs: number
  /** `memory` does not outlive a restart of all servers. */
  readonly storage: 'file' | 'memory'
  /** bytes */
  readonly maxValueBytes: number
}

/** Replicas where the servers form a cluster. */
const CLUSTER_REPLICAS = 3
/** Time for one question. ms */
const ASK_MS = 2000
/** JetStream API: the key has another revision than expected. */
const WRONG_REVISION = [10_071, 10_164]

interface Opened {
  readonly kv: KV
  readonly replicas: number
  readonly watch: KvWatch | undefined
}

export class KvBucket {
  readonly settings: BucketSettings
  readonly #clock: Clock
  #opened: Opened | undefined
  /** Counts openings and closings, so that one which was overtaken knows it. */
  #turn = 0

  constructor(settings: BucketSettings, clock: Clock) {
    this.settings = settings
    this.#clock = clock
  }

  get isOpen(): boolean {
    return this.#opened !== undefined
  }

  /** On how many servers it is kept; 0 while it is not open. */
  get replicas(): number {
    return this.#opened?.replicas ?? 0
  }

  /**
   * Makes the bucket if there is none, and asks it through this connection from now on.
   * @throws BrokerError `bus.no_bucket`
   */
  async open(connection: NatsConnection, watcher?: BucketWatcher): Promise<void> {
    this.close()
    const turn = this.#turn
    const { name } = this.settings
    try {
      const manager = await jetstreamManager(connection, { timeout: ASK_MS })
      const { num_replicas: replicas } = await this.#make(connection, manager)
      const kv = await new Kvm(jetstream(connection, { timeout: ASK_MS })).open(name, { allow_direct: false })
      if (turn !== this.#turn) throw new Error('the connection is gone')
      const watch = watcher && new KvWatch({ connection, manager, bucket: name, clock: this.#clock, watcher })
      this.#opened = { kv, replicas, watch }
    } catch (error) {
      throw new BrokerError('bus.no_bucket', { bucket: name, problem: (error as Error).message }, { cause: error })
    }
  }

  /** The connection is gone: nothing can be asked until the bucket is opened again. */
  close(): void {
    this.#turn++
    this.#opened?.watch?.stop()
    this.#opened = undefined
  }

  /** undefined: there is no such key, and there never was, or it is forgotten. @throws BrokerError `bus.no_bucket` */
  get(key: string): Promise<BucketEntry | undefined> {
    return this.#ask(async (kv) => {
      const entry = await kv.get(key)
      return entry === null ? undefined : { key, value: entry.operation === 'PUT' ? entry.value : undefined, revision: entry.revision }
    })
  }

  /**
   * Writes if the key's revision is `expected` (0: there is none; undefined: whatever it is). Resolves to the new revision, undefined
   * when it was another. After an error nobody knows whether it was written. `timeoutMs` default 2000
   * @throws BrokerError `bus.no_bucket`
   */
  put(key: string, value: string, expected?: number, timeoutMs = ASK_MS): Promise<number | undefined> {
    return this.#ask((kv) => compared(kv.put(key, value, { timeout: timeoutMs, ...(expected === undefined ? {} : { previousSeq: expected }) })))
  }

  /** Deletes if the key's revision is `expected`; false when it is another. @throws BrokerError `bus.no_bucket` */
  remove(key: string, expected?: number): Promise<boolean> {
    return this.#ask(async (kv) => (await compared(kv.delete(key, expected === undefined ? {} : { previousSeq: expected }).then(() => 0))) === 0)
  }

  async #make(connection: NatsConnection, manager: JetStreamManager): Promise<StreamConfig> {
    const { name, description, ttlMs, storage, maxValueBytes } = this.settings
    const stream = `KV_${name}`
    const wanted = connection.info?.cluster === undefined ? 1 : CLUSTER_REPLICAS
    const found = await manager.streams.info(stream).catch(() => undefined)
    if (found !== undefined) return found.config.num_replicas < wanted ? grow(manager, found.config, wanted) : found.config
    const create = (replicas: number): Promise<unknown> =>
      new Kvm(jetstream(connection, { timeout: ASK_MS })).create(name, { description, ttl: ttlMs, storage: storage === 'file' ? StorageType.File : StorageType.Memory, maxValueSize: maxValueBytes, history: 1, replicas, allow_direct: false })
    try {
      await create(wanted)
    } catch (error) {
      // Another broker has just made it, which servers say in more than one way, or there are not enough servers yet.
      const made = await manager.streams.info(stream).catch(() => undefined)
      if (made !== undefined) return made.config
      if (wanted === 1) throw error
      await create(1)
    }
    return (await manager.streams.info(stream)).config
  }

  async #ask<T>(question: (kv: KV) => Promise<T>): Promise<T> {
    const { name } = this.settings
    if (this.#opened === undefined) throw new BrokerError('bus.no_bucket', { bucket: name, problem: 'no server is connected' })
    try {
      return await question(this.#opened.kv)
    } catch (error) {
      throw new BrokerError('bus.no_bucket', { bucket: name, problem: (error as Error).message }, { cause: error })
    }
  }
}

// What was made while there was one server; the others have come since, or have not.
async function grow(manager: JetStreamManager, config: StreamConfig, replicas: number): Promise<StreamConfig> {
  const grown = await manager.streams.update(config.name, { num_replicas: replicas }).catch(() => undefined)
  return grown?.config ?? config
}

async function compared(writing: Promise<number>): Promise<number | undefined> {
  try {
    const revision = await writing
    // Fencing tokens are made of it.
    if (!Number.isSafeInteger(revision) || revision < 0) throw new Error(`the server counts ${String(revision)}`)
    return revision
  } catch (error) {
    if (isApiError(error, ...WRONG_REVISION)) return undefined
    throw error
  }
}

function isApiError(error: unknown, ...codes: readonly number[]): boolean {
  return error instanceof JetStreamApiError && codes.includes(error.code)
}
