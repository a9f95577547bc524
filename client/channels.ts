// Named streams of the broker, as its methods manage them.

import type { ChannelMode } from '../broker/ground/types.ts'
import type { ApiAnswer, ApiMethod, ApiParams, ChannelInfo } from './api-types.ts'

type CallMethod = <M extends ApiMethod>(method: M, params: ApiParams<M>) => Promise<ApiAnswer<M>>

export class Channels {
  readonly #call: CallMethod

  constructor(call: CallMethod) {
    this.#call = call
  }

  /** @throws BrokerError `channel.exists`, `channel.invalid`, `permission.denied` */
  create(channel: { readonly name: string; readonly mode?: ChannelMode }): Promise<ChannelInfo> {
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

  /** @throws BrokerError `channel.not_found`, `channel.predefined`, `permission.denied` */
  delete(name: string): Promise<ChannelInfo> {
    return this.#call('channel.delete', { name })
  }
}
