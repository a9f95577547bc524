// Decides whether a message has to be compressed or decompressed for those who will get it. Does neither.

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import { BrokerError } from './ground/errors.ts'
import { Flag, Kind } from './ground/kind.ts'
import type { Sink } from './ground/slice.ts'
import type { Publisher } from './publisher.ts'
import { Verdict, type Receivers } from './routing/route.ts'
import { payloadOffset } from './wire/frame.ts'
import { readUint32 } from './wire/integers.ts'
import { Offset } from './wire/layout.ts'
import { zstdContentBytes } from './wire/zstd.ts'

/** What a message needs. */
export interface Need {
  readonly kind: 'nothing' | 'compress' | 'decompress'
  /** Where its payload begins. */
  readonly payloadAt: number
  /** What the payload comes to without compression. bytes */
  readonly plainBytes: number
}

/** Who is among the receivers. */
interface Audience {
  /** Somebody who reads compressed payloads. */
  hasReader: boolean
  /** Somebody who does not, or a filter that must look inside. */
  hasOther: boolean
}

export class Compression {
  readonly #core: Core
  readonly #publisher: Publisher

  constructor(core: Core, publisher: Publisher) {
    this.#core = core
    this.#publisher = publisher
  }

  /**
   * What the canonical message `bytes[start..end)` of `connection` needs if it was routed now.
   * @throws BrokerError `payload.malformed`, `frame.too_large` for a compressed payload that cannot be accepted
   */
  need(connection: Connection, bytes: Uint8Array, start: number, end: number): Need {
    const payloadAt = start + payloadOffset(bytes, start, end)
    const isCompressed = (bytes[start + Offset.flags + 1]! & Flag.compressed) !== 0
    const { maxMessageBytes: limitBytes } = this.#core.settings.ipc.performance
    const plainBytes = isCompressed ? zstdContentBytes(bytes.subarray(payloadAt, end)) : end - payloadAt
    if (isCompressed && plainBytes > limitBytes) throw new BrokerError('frame.too_large', { actualBytes: plainBytes, limitBytes })
    // What is too large is refused anyway.
    if (plainBytes > limitBytes || (!isCompressed && plainBytes < this.#core.settings.pool.compressAboveBytes)) return { kind: 'nothing', payloadAt, plainBytes }
    const { hasReader, hasOther } = this.#audience(connection, bytes, start)
    const kind = isCompressed ? (hasOther ? 'decompress' : 'nothing') : hasReader ? 'compress' : 'nothing'
    return { kind, payloadAt, plainBytes }
  }

  /** What decompressing the message would add; 0 for one that is plain, or refused. */
  announcedBytes(frame: Uint8Array): number {
    if ((frame[Offset.flags + 1]! & Flag.compressed) === 0) return 0
    try {
      const bytes = zstdContentBytes(frame.subarray(payloadOffset(frame, 0, frame.length)))
      return bytes > this.#core.settings.ipc.performance.maxMessageBytes ? 0 : bytes
    } catch {
      return 0
    }
  }

  #audience(connection: Connection, bytes: Uint8Array, start: number): Audience {
    const audience: Audience = { hasReader: false, hasOther: false }
    const kind = bytes[start + Offset.kind]!
    if (kind === Kind.publish || kind === Kind.request) {
      const receivers = this.#receivers(connection, bytes, start + (kind === Kind.publish ? Offset.subject : Offset.longSubject))
      if (receivers !== undefined) look(audience, connection, receivers)
    } else {
      const requester = this.#core.directory.number(readUint32(bytes, start + Offset.to))
      if (requester !== undefined) count(audience, requester)
    }
    return audience
  }

  // Of messages that will be refused: none, so that nobody has the broker work for them.
  #receivers(connection: Connection, bytes: Uint8Array, subjectAt: number): Receivers | undefined {
    try {
      const route = this.#core.routes.find(bytes, subjectAt, subjectAt + bytes[subjectAt - 1]!)
      return this.#publisher.verdict(connection.permissions!, route) === Verdict.allowed ? route.receivers : undefined
    } catch {
      return undefined
    }
  }
}

function look(audience: Audience, sender: Connection, { plain, groups, filtered, exceptSender }: Receivers): void {
  const skipsSender = exceptSender || !sender.echo
  for (const sink of plain) if (!skipsSender || sink !== sender) count(audience, sink)
  for (const { members } of groups) {
    for (const { subscriber, filter } of members) {
      count(audience, subscriber)
      if (filter !== undefined) audience.hasOther = true
    }
  }
  for (const { subscriber } of filtered) {
    count(audience, subscriber)
    audience.hasOther = true
  }
}

// Connections alone read it; the broker's own methods do not.
function count(audience: Audience, sink: Sink): void {
  if ((sink as Partial<Connection>).readsZstd === true) audience.hasReader = true
  else audience.hasOther = true
}
