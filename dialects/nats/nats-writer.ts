// Messages as NATS subscriptions get them, made once for all receivers that get the same bytes.

import { Slab } from '../../broker/ground/slab.ts'
import type { Slice } from '../../broker/ground/slice.ts'
import { payloadOffset } from '../../broker/wire/frame.ts'
import { NatsPartsWriter, type NatsNames } from '../../broker/wire/nats/nats-parts.ts'
import { frameEnd } from '../../broker/wire/regroup.ts'
import { MessageMemory } from './message-memory.ts'
import { nativeMessages } from './native-messages.ts'
import { NatsRun } from './nats-run.ts'
import type { MessageWriter, NatsSink } from './nats-sink.ts'
import { plainMessages } from './plain-messages.ts'

export class NatsWriter implements MessageWriter {
  /** Of messages that come with a chunk of a NATS client: they are gone, or copied, when the chunk is. */
  readonly #memory = new MessageMemory()
  /** Of others, which may wait for as long as they like. */
  readonly slab = new Slab()
  readonly #parts: NatsPartsWriter
  #native: Slice | undefined
  #nativeBytes = 0
  #sid = ''
  #readsHeaders = true
  #written: Slice | undefined

  constructor(names: NatsNames) {
    this.#parts = new NatsPartsWriter(names)
  }

  /** The slice's messages for one subscription. */
  messages(slice: Slice, sink: NatsSink): Slice {
    const { foreign } = slice
    if (foreign instanceof NatsRun) return foreign.messages(slice, sink.sid, sink.sidBytes, sink.readsHeaders, this.#memory)
    return this.#ofNative(slice, sink)
  }

  /** Bytes of headers and payloads of the slice that `messages` was asked for last; of native messages those of the payloads. */
  sizeOf(slice: Slice): number {
    const { foreign } = slice
    if (foreign instanceof NatsRun) return foreign.sizeOf(slice)
    return slice === this.#native ? this.#nativeBytes : payloadBytes(slice)
  }

  /** Large buffers that were written since the last call: nobody needs them once what was delivered out of them has left. */
  takeLarge(): readonly Uint8Array[] {
    this.#native = this.#written = undefined
    return this.#memory.takeLarge()
  }

  // Receivers of one slice come one after another.
  #ofNative(slice: Slice, { sid, sidBytes, readsHeaders }: NatsSink): Slice {
    if (this.#written !== undefined && slice === this.#native && sid === this.#sid && readsHeaders === this.#readsHeaders) return this.#written
    const written = plainMessages(slice, sidBytes, readsHeaders, this.#parts, this.slab) ?? nativeMessages(slice, sidBytes, readsHeaders, this.#parts, this.slab)
    this.#native = slice
    this.#nativeBytes = payloadBytes(slice)
    this.#sid = sid
    this.#readsHeaders = readsHeaders
    this.#written = written
    return written
  }
}

function payloadBytes({ bytes, start, end }: Slice): number {
  let sum = 0
  for (let at = start; at < end;) {
    const next = frameEnd(bytes, at)
    sum += next - at - payloadOffset(bytes, at, next)
    at = next
  }
  return sum
}
