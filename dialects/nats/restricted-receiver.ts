// A NATS connection as one of its subscriptions sees it, where permissions ask for more than a subject: leave to answer, or
// rules for queue groups. Other subscriptions see the connection itself, and cost nothing by it.

import type { Slice } from '../../broker/ground/slice.ts'
import type { NatsReceiver } from './nats-sink.ts'

export interface RestrictedSource extends NatsReceiver {
  /** Told of reply subjects on which it may publish then. */
  readonly replies: { remember(subject: string): void } | undefined
  mayReceive(subject: readonly string[], group?: string): boolean
}

const CR = 0x0d
/** Words of `MSG subject sid reply size` and `HMSG subject sid reply size size`; one less without a reply subject. */
const WORDS_WITH_REPLY = { MSG: 5, HMSG: 6 }

export class RestrictedReceiver implements NatsReceiver {
  readonly number: number
  readonly outbound: NatsReceiver['outbound']
  readonly #source: RestrictedSource
  readonly #group: string | undefined

  constructor(source: RestrictedSource, group: string | undefined) {
    this.#source = source
    this.#group = group
    this.number = source.number
    this.outbound = { deliver: (slice) => this.#deliver(slice) }
  }

  get echo(): boolean {
    return this.#source.echo
  }

  get client(): string {
    return this.#source.client
  }

  get isHigh(): boolean {
    return this.#source.isHigh
  }

  mayReceive(subject: readonly string[]): boolean {
    return this.#source.mayReceive(subject, this.#group)
  }

  // Only messages that come alone have a reply subject.
  #deliver(slice: Slice): boolean {
    const { replies, outbound } = this.#source
    if (replies !== undefined && slice.frames === 1) {
      const reply = replyOf(slice)
      if (reply !== undefined) replies.remember(reply)
    }
    return outbound.deliver(slice)
  }
}

function replyOf({ bytes, start, end }: Slice): string | undefined {
  const lineEnd = bytes.indexOf(CR, start)
  if (lineEnd < 0 || lineEnd >= end) return undefined
  const words = Buffer.from(bytes.buffer, bytes.byteOffset + start, lineEnd - start).toString('utf8').split(' ')
  return words.length === WORDS_WITH_REPLY[words[0] as 'MSG' | 'HMSG'] ? words[3] : undefined
}
