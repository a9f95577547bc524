// The channels that all joined brokers have: definitions in a key-value bucket, made and deleted by compare-and-set. A broker
// that was away finds out what has changed, and tells what it has changed itself.

import type { NatsConnection } from '@nats-io/transport-node'
import type { ChannelConflict, ChannelShare, SharedChannelHost } from '../../ground/channel-share.ts'
import type { Clock } from '../../ground/clock.ts'
import { BrokerError } from '../../ground/errors.ts'
import type { ChannelSpec, Log } from '../../ground/types.ts'
import type { BucketEntry } from './bucket-entry.ts'
import { nextStep, type SharedChannel } from './channel-agreement.ts'
import { channelOfKey, encodeChannel, keyOfChannel, readChannel } from './channel-entry.ts'
import { KvBucket, type BucketSettings } from './kv-bucket.ts'

// Without expiry: that a channel was deleted must be known to a broker that was away for a year.
const channelBucket: BucketSettings = { name: 'callboard_channels', description: 'Callboard: channels that all brokers have', ttlMs: 0, storage: 'file', maxValueBytes: 2048 }

/** Channels that are shared at most; more are left to whoever has them. */
const MAX_CHANNELS = 10_000
/** Times that one name is looked at anew when others change it in between. */
const MAX_TRIES = 8
/** ms */
const RETRY_MS = 5000

export interface KvChannelsOptions {
  /** For people who look into the bucket. */
  readonly broker: string
  /** Asked for when it is needed for the first time. */
  readonly host: () => SharedChannelHost
  readonly clock: Clock
  readonly log: Log
  /** The bucket is closed, though the connection is there: it has to be opened again. */
  readonly onTrouble: () => void
}

export class KvChannels implements ChannelShare {
  readonly #options: KvChannelsOptions
  readonly #bucket: KvBucket
  readonly #shared = new Map<string, SharedChannel>()
  /** Keys told in the round that runs. */
  #told: Set<string> | undefined
  readonly #conflicts = new Map<string, ChannelConflict>()
  /** One thing after the other: what is being created must not be found half there. */
  #queue: Promise<unknown> = Promise.resolve()
  #isSaving = false
  /** Said since the bucket was opened. */
  readonly #warned = new Set<string>()

  constructor(options: KvChannelsOptions) {
    this.#options = options
    this.#bucket = new KvBucket(channelBucket, options.clock)
  }

  get #host(): SharedChannelHost {
    return this.#options.host()
  }

  get isOpen(): boolean {
    return this.#bucket.isOpen
  }

  /** How many there are in the bucket. */
  get count(): number {
    let count = 0
    for (const { spec } of this.#shared.values()) if (spec !== undefined) count++
    return count
  }

  get replicas(): number {
    return this.#bucket.replicas
  }

  conflicts(): ChannelConflict[] {
    return [...this.#conflicts.values()]
  }

  /** @throws BrokerError `bus.no_bucket` */
  async open(connection: NatsConnection): Promise<void> {
    this.#warned.clear()
    const failed = (): void => {
      this.close()
      this.#options.onTrouble()
    }
    await this.#bucket.open(connection, { round: () => this.#beginRound(), entry: (entry) => this.#entry(entry), synced: () => this.#synced(), failed })
  }

  close(): void {
    this.#bucket.close()
  }

  create(spec: ChannelSpec, start: () => Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      // Another broker's may have come while this one waited for its turn.
      if (this.#here(spec.name) !== undefined) throw new BrokerError('channel.exists', { channel: spec.name })
      const revision = this.#bucket.isOpen ? await this.#claim(spec) : undefined
      // What was agreed on was another one of that name.
      if (revision === undefined) this.#host.agreed.delete(spec.name)
      try {
        await start()
      } catch (error) {
        if (revision !== undefined) await this.#bucket.remove(keyOfChannel(spec.name), revision).catch(() => false)
        throw error
      }
      if (revision !== undefined) {
        this.#shared.set(spec.name, { revision, spec })
        this.#agree(spec.name, revision)
      }
    })
  }

  remove(name: string, stop: () => Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      await stop()
      // What the bucket says is only known to be ours to delete in the revision that was agreed on; the rest is found out.
      if (this.#bucket.isOpen) await this.#settle(name).catch((error: unknown) => this.#failed(name, error))
    })
  }

  // The name for this broker; undefined: the servers cannot be asked, and will be told later.
  async #claim(spec: ChannelSpec): Promise<number | undefined> {
    const key = keyOfChannel(spec.name)
    try {
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        const known = await this.#bucket.get(key)
        if (known?.value !== undefined && readChannel(key, known.value) !== undefined) {
          this.#note(known)
          this.#later(spec.name)
          throw new BrokerError('channel.exists', { channel: spec.name })
        }
        const revision = await this.#bucket.put(key, encodeChannel(spec, this.#options.broker), known?.revision ?? 0)
        if (revision !== undefined) return revision
      }
    } catch (error) {
      if (BrokerError.from(error).code === 'channel.exists') throw error
      this.#options.log.warn({ channel: spec.name, err: error }, 'the channel is not shared yet')
    }
    return undefined
  }

  #beginRound(): void {
    this.#told = new Set()
  }

  #entry(entry: BucketEntry): void {
    this.#note(entry)
    if (this.#told !== undefined && this.#shared.has(channelOfKey(entry.key))) this.#told.add(entry.key)
    if (this.#told === undefined) this.#later(channelOfKey(entry.key))
  }

  #synced(): void {
    const told = this.#told ?? new Set()
    this.#told = undefined
    for (const name of this.#shared.keys()) if (!told.has(keyOfChannel(name))) this.#shared.delete(name)
    const host = this.#host
    for (const name of new Set([...this.#shared.keys(), ...host.names(), ...host.agreed.keys()])) this.#later(name)
  }

  #note({ key, value, revision }: BucketEntry): void {
    const name = channelOfKey(key)
    const spec = value === undefined ? undefined : readChannel(key, value)
    if (value !== undefined && spec === undefined) return this.#warnOnce({ bucket: channelBucket.name, key }, 'not the definition of any channel')
    if (!this.#shared.has(name) && this.#shared.size >= MAX_CHANNELS) return this.#warnOnce({ channel: name, limit: MAX_CHANNELS }, 'more channels are shared than this broker takes')
    this.#shared.set(name, { revision, spec })
  }

  #later(name: string): void {
    this.#inTurn(() => this.#settle(name)).catch((error: unknown) => this.#failed(name, error))
  }

  // Whoever may write to the bucket may do so often.
  #warnOnce(fields: object, text: string): void {
    if (this.#warned.has(text)) return
    this.#warned.add(text)
    this.#options.log.warn(fields, text)
  }

  // Nothing is lost by it: what there is to do is found out again.
  #failed(channel: string, error: unknown): void {
    if (!this.#bucket.isOpen) return
    this.#warnOnce({ channel, err: error }, 'a channel could not be shared')
    this.#options.clock.after(RETRY_MS, () => {
      if (this.#bucket.isOpen) this.#later(channel)
    })
  }

  // Does what is to be done about one name until there is nothing.
  async #settle(name: string): Promise<void> {
    const host = this.#host
    const fixed = host.fixed(name)
    if (fixed !== undefined) return this.#compare(fixed)
    for (let tries = 0; tries < MAX_TRIES && this.#bucket.isOpen; tries++) {
      const step = nextStep(this.#here(name), host.agreed.get(name), this.#shared.get(name))
      if (step.kind === 'nothing') return
      if (step.kind === 'forget') this.#forget(name)
      else if (step.kind === 'stop') {
        await host.stop(name)
        this.#forget(name)
      } else if (step.kind === 'agree') this.#agree(name, step.revision)
      else if (step.kind === 'write') await this.#write(name, step.expected)
      else if (step.kind === 'erase') await this.#erase(name, step.expected)
      else await this.#take(step.spec, step.revision)
    }
  }

  async #write(name: string, expected: number): Promise<void> {
    const spec = this.#here(name)!
    const revision = await this.#bucket.put(keyOfChannel(name), encodeChannel(spec, this.#options.broker), expected)
    if (revision === undefined) return this.#look(name)
    this.#shared.set(name, { revision, spec })
    this.#agree(name, revision)
  }

  async #erase(name: string, expected: number): Promise<void> {
    const isErased = await this.#bucket.remove(keyOfChannel(name), expected)
    await this.#look(name)
    if (isErased && this.#shared.get(name)?.spec === undefined) this.#forget(name)
  }

  // As it is now.
  async #look(name: string): Promise<void> {
    const entry = await this.#bucket.get(keyOfChannel(name))
    if (entry === undefined) this.#shared.delete(name)
    else this.#note(entry)
  }

  async #take(spec: ChannelSpec, revision: number): Promise<void> {
    const { log } = this.#options
    const host = this.#host
    const { name } = spec
    const before = this.#here(name)
    if (before !== undefined) {
      log.warn({ channel: name, here: before.mode, there: spec.mode }, 'two brokers made this channel in different modes: the shared one holds')
      await host.stop(name)
    }
    await host.start(spec)
    this.#agree(name, revision)
  }

  // A channel of the configuration is not shared; that others have another idea of it is said.
  #compare(fixed: ChannelSpec): void {
    const there = this.#shared.get(fixed.name)?.spec?.mode
    if (there === undefined || there === fixed.mode) return void this.#conflicts.delete(fixed.name)
    this.#conflicts.set(fixed.name, { channel: fixed.name, here: fixed.mode, there })
    this.#options.log.warn({ channel: fixed.name, here: fixed.mode, there }, 'a channel of the configuration has another mode at other brokers')
  }

  #agree(name: string, revision: number): void {
    this.#host.agreed.set(name, revision)
    this.#saveSoon()
  }

  #forget(name: string): void {
    this.#host.agreed.delete(name)
    this.#saveSoon()
  }

  // Once for all that is in the queue now.
  #saveSoon(): void {
    if (this.#isSaving) return
    this.#isSaving = true
    this.#inTurn(() => {
      this.#isSaving = false
      return this.#host.save()
    }).catch((error: unknown) => this.#options.log.error({ err: error }, 'what is known of the shared channels could not be saved'))
  }

  #here(name: string): ChannelSpec | undefined {
    return this.#host.channel(name)
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(task, task)
    this.#queue = done.catch(() => {})
    return done
  }
}
