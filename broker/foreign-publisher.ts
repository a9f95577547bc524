// Publishing of messages that came in the form of another protocol: the same steps, without a frame. Each receiver's side
// makes of them what it needs.

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import type { ForeignMessages } from './ground/control.ts'
import { BrokerError } from './ground/errors.ts'
import { Slice } from './ground/slice.ts'
import { applyOptions, detailsOf, readOptions, type Asked } from './message-options.ts'
import type { Publisher } from './publisher.ts'

export class ForeignPublisher {
  readonly #core: Core
  readonly #publisher: Publisher

  constructor(core: Core, publisher: Publisher) {
    this.#core = core
    this.#publisher = publisher
  }

  /** Publishes them; returns how many receivers each has, summed where they differ; -1 when they were refused. */
  publish(connection: Connection, messages: ForeignMessages): number {
    const { bytes, start, end, count, subjectStart, subjectEnd, timeMicros } = messages
    const firstId = connection.lastId + 1
    connection.lastId += count
    messages.origin = connection.number
    messages.firstId = firstId
    if (this.#core.settings.ipc.security.validateSignature) return this.#refuse(connection, firstId, count, new BrokerError('auth.signature_missing'))
    const route = this.#publisher.route(connection, bytes, subjectStart, subjectEnd, firstId, count)
    if (route === undefined || !this.#publisher.mayPublish(connection, route, firstId, count)) return -1
    const slice = new Slice(bytes, start, end, count, route.receivers.account)
    slice.foreign = messages
    let asked: Asked | undefined
    try {
      const headers = messages.headers()
      if (headers !== undefined) asked = { flags: 0, options: readOptions(headers), zstd: undefined, authorisedMicros: 0 }
    } catch (error) {
      return this.#refuse(connection, firstId, count, BrokerError.from(error))
    }
    if (asked === undefined) return this.#publisher.publish(connection, route, slice, firstId, timeMicros)
    applyOptions(this.#core, connection, slice, firstId, asked)
    return this.#publisher.publish(connection, route, slice, firstId, timeMicros, detailsOf(asked))
  }

  #refuse(connection: Connection, firstId: number, count: number, error: BrokerError): number {
    this.#core.accounts.outside.rejected += count
    this.#core.refuse(connection, firstId, error, count)
    return -1
  }
}
