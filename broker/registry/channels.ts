// The channels that exist, and which of them owns a subject. Knows neither messages nor files.

import { BrokerError } from '../ground/errors.ts'
import type { QueueOverrides } from '../ground/queue-overrides.ts'
import { isReserved, parseSubject } from '../ground/subject.ts'
import type { ChannelMode, ChannelSpec } from '../ground/types.ts'

const predefinedSpecs: readonly ChannelSpec[] = [
  { name: 'command', mode: 'pubsub', direction: 'both', predefined: true, createdAt: 0 },
  { name: 'events', mode: 'pubsub', direction: 'subscribe', predefined: true, createdAt: 0 },
  { name: 'status', mode: 'pubsub', direction: 'subscribe', predefined: true, createdAt: 0 },
  { name: 'agent', mode: 'pubsub', direction: 'both', predefined: true, createdAt: 0 },
  { name: 'gateway', mode: 'pubsub', direction: 'both', predefined: true, createdAt: 0 },
]

export class Channels {
  readonly #byName = new Map<string, ChannelSpec>()
  readonly #mayQueue: boolean

  /** `mayQueue`: there may be channels of mode `queue`. */
  constructor(mayQueue = true) {
    this.#mayQueue = mayQueue
  }

  /** The channels that every broker has. */
  static get predefined(): readonly ChannelSpec[] {
    return predefinedSpecs
  }

  /**
   * Checks what a client or the config asks for; returns the spec, which is not added yet.
   * `queue`: what one of mode `queue` says of itself.
   * @throws BrokerError `channel.invalid`, `channel.predefined`, `channel.exists`, `queue.disabled`
   */
  define(name: string, mode: ChannelMode, createdAt: number, queue?: QueueOverrides): ChannelSpec {
    let tokens: readonly string[]
    try {
      tokens = parseSubject(name)
    } catch (error) {
      throw new BrokerError('channel.invalid', { problem: error instanceof Error ? error.message : String(error) }, { cause: error })
    }
    if (isReserved(tokens)) throw new BrokerError('channel.invalid', { problem: `"${tokens[0]}" is reserved for the broker` })
    if (mode !== 'pubsub' && mode !== 'broadcast' && mode !== 'queue') throw new BrokerError('channel.invalid', { problem: `mode "${String(mode)}" is not one of pubsub, broadcast, queue` })
    if (mode !== 'queue' && queue !== undefined) throw new BrokerError('channel.invalid', { problem: `it has settings of a queue, and mode ${mode}` })
    if (mode === 'queue' && !this.#mayQueue) throw new BrokerError('queue.disabled', { channel: name })
    if (predefinedSpecs.some((spec) => spec.name === name)) throw new BrokerError('channel.predefined', { channel: name, action: 'created' })
    if (this.#byName.has(name)) throw new BrokerError('channel.exists', { channel: name })
    return { name, mode, direction: 'both', predefined: false, createdAt, ...(queue === undefined ? {} : { queue }) }
  }

  add(spec: ChannelSpec): void {
    this.#byName.set(spec.name, spec)
  }

  remove(name: string): void {
    this.#byName.delete(name)
  }

  find(name: string): ChannelSpec | undefined {
    return this.#byName.get(name)
  }

  /** @throws BrokerError `channel.not_found` */
  get(name: string): ChannelSpec {
    const spec = this.#byName.get(name)
    if (spec === undefined) throw new BrokerError('channel.not_found', { channel: name })
    return spec
  }

  /** The channel that owns a subject: the longest name that equals it or stands before one of its dots. */
  owner(subject: readonly string[]): ChannelSpec | undefined {
    for (let length = subject.length; length > 0; length--) {
      const spec = this.#byName.get(length === subject.length ? subject.join('.') : subject.slice(0, length).join('.'))
      if (spec !== undefined) return spec
    }
    return undefined
  }

  list(): ChannelSpec[] {
    return [...this.#byName.values()]
  }
}
