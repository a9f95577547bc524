// Channels that several brokers have in common: what whoever shares them and the broker ask of each other. Types only.

import type { ChannelSpec } from './types.ts'

/** The broker's own channels, as far as they are shared: those that were created, not those of its configuration. */
export interface SharedChannelHost {
  /** Names of those that exist here. */
  names(): string[]
  channel(name: string): ChannelSpec | undefined
  /** A channel that is here by configuration, or always. */
  fixed(name: string): ChannelSpec | undefined
  /** @throws BrokerError `channel.invalid` */
  start(spec: ChannelSpec): Promise<void>
  stop(name: string): Promise<void>
  /**
   * By name, in which revision this broker and the others last agreed on a channel; of a name that is not here it was deleted since.
   * Outlasts the broker by `save()`.
   */
  readonly agreed: Map<string, number>
  save(): Promise<void>
}

/** A channel of which two brokers have different ideas. */
export interface ChannelConflict {
  readonly channel: string
  readonly here: string
  readonly there: string
}

export interface ChannelShare {
  /** Calls `start` once the name is this broker's among all. @throws BrokerError `channel.exists`, and what `start` throws */
  create(spec: ChannelSpec, start: () => Promise<void>): Promise<void>
  /** Calls `stop`, and deletes the channel everywhere; on brokers that cannot be reached, when they are back. */
  remove(name: string, stop: () => Promise<void>): Promise<void>
}
