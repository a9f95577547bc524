// Brokers as those who share channels see them: a few names, and what is remembered of them over restarts.

import { systemClock } from '../../broker/ground/clock.ts'
import type { SharedChannelHost } from '../../broker/ground/channel-share.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import type { ChannelMode, ChannelSpec } from '../../broker/ground/types.ts'
import { KvChannels } from '../../broker/upstream/nats/kv-channels.ts'
import type { NatsConnection } from '@nats-io/transport-node'
import { connectNats } from './nats-client.ts'
import { recordedLog } from './recorded-log.ts'
import type { Teardown } from './temporary-directory.ts'
import { untilOpen } from './until-open.ts'

export function channelSpec(name: string, mode: ChannelMode = 'pubsub'): ChannelSpec {
  return { name, mode, direction: 'both', predefined: false, createdAt: 1 }
}

export class SharingBroker implements SharedChannelHost {
  readonly channels: KvChannels
  readonly log = recordedLog()
  readonly #specs = new Map<string, ChannelSpec>()
  readonly #fixed: readonly ChannelSpec[]
  agreed = new Map<string, number>()
  /** What `agreed` was when it was saved last. */
  saved = new Map<string, number>()
  #connection: NatsConnection | undefined

  constructor(id: string, fixed: readonly ChannelSpec[] = []) {
    this.#fixed = fixed
    this.channels = new KvChannels({ broker: id, host: () => this, clock: systemClock, log: this.log, onTrouble() {} })
  }

  /** Names and modes, as text that a test can compare. */
  get list(): string[] {
    return Array.from(this.#specs.values(), ({ name, mode }) => `${name} ${mode}`).toSorted()
  }

  names(): string[] {
    return [...this.#specs.keys()]
  }

  channel(name: string): ChannelSpec | undefined {
    return this.#specs.get(name)
  }

  fixed(name: string): ChannelSpec | undefined {
    return this.#fixed.find((spec) => spec.name === name)
  }

  async start(spec: ChannelSpec): Promise<void> {
    if (this.#specs.has(spec.name)) throw new BrokerError('internal.error', { problem: `${spec.name} runs already` })
    this.#specs.set(spec.name, spec)
  }

  async stop(name: string): Promise<void> {
    if (!this.#specs.delete(name)) throw new BrokerError('internal.error', { problem: `${name} does not run` })
  }

  async save(): Promise<void> {
    this.saved = new Map(this.agreed)
  }

  create(name: string, mode?: ChannelMode): Promise<void> {
    const spec = channelSpec(name, mode)
    return this.channels.create(spec, () => this.start(spec))
  }

  remove(name: string): Promise<void> {
    return this.channels.remove(name, () => this.stop(name))
  }

  async join(t: Teardown, url: string): Promise<void> {
    const connection = (this.#connection = await connectNats(t, url))
    await untilOpen(() => this.channels.open(connection))
    t.teardown(() => this.channels.close())
  }

  async part(): Promise<void> {
    this.channels.close()
    await this.#connection?.close()
  }
}
