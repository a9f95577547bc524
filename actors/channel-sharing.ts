// The channels of this broker as those see them who share them with other brokers: started and stopped in the tree, and
// remembered with them what all agreed on.

import type { ChannelBook } from '../broker/channel-book.ts'
import type { Core } from '../broker/core.ts'
import type { SharedChannelHost } from '../broker/ground/channel-share.ts'
import type { ChannelSpec } from '../broker/ground/types.ts'

export class ChannelSharing implements SharedChannelHost {
  readonly #core: Core
  readonly #book: ChannelBook
  readonly #start: (spec: ChannelSpec) => Promise<void>
  readonly #stop: (name: string) => Promise<void>

  /** `start` and `stop` are those of the tree, and save. */
  constructor(core: Core, book: ChannelBook, start: (spec: ChannelSpec) => Promise<void>, stop: (name: string) => Promise<void>) {
    this.#core = core
    this.#book = book
    this.#start = start
    this.#stop = stop
  }

  get agreed(): Map<string, number> {
    return this.#book.agreed
  }

  names(): string[] {
    return this.#core.channels.list().filter((spec) => this.isShared(spec)).map(({ name }) => name).filter((name) => !this.#book.isFixed(name))
  }

  /** Queues are common to brokers where what keeps them is. */
  isShared({ mode }: ChannelSpec): boolean {
    const { backend } = this.#core.settings.store
    return mode !== 'queue' || backend === 'nats' || backend === 'redis'
  }

  channel(name: string): ChannelSpec | undefined {
    return this.#core.channels.find(name)
  }

  fixed(name: string): ChannelSpec | undefined {
    const spec = this.channel(name)
    // A queue of this broker's own makes room for no other channel: it holds messages.
    return spec !== undefined && (this.#book.isFixed(name) || !this.isShared(spec)) ? spec : undefined
  }

  async start({ name, mode, createdAt, queue }: ChannelSpec): Promise<void> {
    // Checked as if somebody here had asked for it: what stands in the bucket may be anybody's.
    await this.#start(this.#core.channels.define(name, mode, createdAt, queue))
    this.#core.log.info({ channel: name, mode }, 'channel created at another broker')
  }

  async stop(name: string): Promise<void> {
    await this.#stop(name)
    this.#core.log.info({ channel: name }, 'channel deleted at another broker')
  }

  save(): Promise<void> {
    return this.#book.save()
  }
}
