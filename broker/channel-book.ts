// Which channels a broker has: predefined, from the config, and those that were created while one ran.

import type { Core } from './core.ts'
import type { ChannelSpec } from './ground/types.ts'
import { loadAgreed, loadChannels, saveChannels } from './registry/channel-file.ts'
import { Channels } from './registry/channels.ts'

export class ChannelBook {
  readonly #core: Core
  readonly #path: string
  #saved: Promise<void> = Promise.resolve()
  #agreed: Map<string, number> | undefined

  /** `path` is the file in which created channels outlast the broker. */
  constructor(core: Core, path: string) {
    this.#core = core
    this.#path = path
  }

  /**
   * All channels that exist at a start; of equal names the first counts, config before file.
   * @throws BrokerError `channel.invalid`
   */
  specs(): ChannelSpec[] {
    this.#agreed = loadAgreed(this.#path)
    const specs = new Map(Channels.predefined.map((spec) => [spec.name, spec]))
    for (const { name, mode, createdAt, queue } of [...this.#configured(), ...loadChannels(this.#path)]) {
      if (!specs.has(name)) specs.set(name, this.#core.channels.define(name, mode, createdAt, queue))
    }
    return [...specs.values()]
  }

  /** See SharedChannelHost; written down with the next `save()`. @throws BrokerError `channel.invalid` */
  get agreed(): Map<string, number> {
    return (this.#agreed ??= loadAgreed(this.#path))
  }

  /** True for channels that are there whether anybody created them or not. */
  isFixed(name: string): boolean {
    return Channels.predefined.some((spec) => spec.name === name) || this.#configured().some((channel) => channel.name === name)
  }

  /** Writes down the channels that were created; those of the config are there anyway. */
  save(): Promise<void> {
    // One after the other, each with what there is then: two clients may create channels at the same time.
    const write = (): Promise<void> => saveChannels(this.#path, this.#created(), this.agreed)
    return (this.#saved = this.#saved.then(write, write))
  }

  #created(): ChannelSpec[] {
    const configured = new Set(this.#configured().map(({ name }) => name))
    return this.#core.channels.list().filter(({ name }) => !configured.has(name))
  }

  #configured(): Pick<ChannelSpec, 'name' | 'mode' | 'createdAt' | 'queue'>[] {
    return this.#core.settings.channels.map(({ name, mode, queue }) => ({ name, mode, createdAt: Date.now(), queue }))
  }
}
