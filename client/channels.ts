// Named streams of the broker, as its methods manage them.

import type { ChannelMode } from '../broker/ground/types.ts'
import type { ApiAnswer, ApiMethod, ApiParams, ChannelInfo, QueueOverrides } from './api-types.ts'

type CallMethod = <M extends ApiMethod>(method: M, params: ApiParams<M>) => Promise<ApiAnswer<M>>

export class Channels {
  readonly #call: CallMethod

  constructor(call: CallMethod) {
    this.#call = call
  }

  /**
   * `queue`: with mode `queue`, what this one has otherwise than the configuration says for all.
   * @throws BrokerError `channel.exists`, `channel.invalid`, `queue.disabled`, `store.*`, `permission.denied`
   */
  create(channel: { readonly name: string; readonly mode?: ChannelMode; readonly queue?: QueueOverrides }): Promise<ChannelInfo> {
    return this.#call('channel.create', channel)
  }

  async list(): Promise<readonly ChannelInfo[]> {
    const { channels } = await this.#call('channel.list', {})
    return channels
  }

  /** @throws BrokerError `channel.not_found` */
  show(name: string): Promise<ChannelInfo> {
    return this.#call('channel.show', { name })
  }

  /**
   * `force`: with the messages that its queue holds.
   * @throws BrokerError `channel.not_found`, `channel.predefined`, `queue.not_empty`, `permission.denied`
   */
  delete(name: string, { force = false }: { readonly force?: boolean } = {}): Promise<ChannelInfo> {
    return this.#call('channel.delete', { name, ...(force && { force }) })
  }
}
