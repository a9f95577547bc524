// The native dialect of one connection: frames in, frames out, nothing translated.

import { encode } from '@msgpack/msgpack'
import type { BrokerMessage, Dialect, Ingress } from '../../broker/ground/control.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import { PayloadType } from '../../broker/ground/payload-type.ts'
import { encodeFrame } from '../../broker/wire/frame.ts'
import { Framer } from '../../broker/wire/framer.ts'
import type { NativeReader, NativeSource } from './native-reader.ts'

const NOTHING = new Uint8Array(0)

export class NativeDialect<C extends NativeSource> implements Dialect {
  readonly name = 'native'
  readonly translate = undefined
  readonly #connection: C
  readonly #ingress: Ingress<C>
  readonly #reader: NativeReader<C>
  readonly #framer: Framer

  constructor(connection: C, ingress: Ingress<C>, reader: NativeReader<C>, maxFrameBytes: number) {
    this.#connection = connection
    this.#ingress = ingress
    this.#reader = reader
    this.#framer = new Framer(maxFrameBytes, reader.sharedFromBytes)
  }

  limit(maxFrameBytes: number): void {
    this.#framer.maxFrameBytes = maxFrameBytes
  }

  received(chunk: Uint8Array, endsMessage: boolean): void {
    this.#reader.read(this.#connection, this.#framer, chunk)
    if (endsMessage && this.#framer.pendingBytes > 0) this.#refuseRest()
  }

  reset(): void {
    this.#framer.forget()
  }

  // On links with messages a frame stands in one: what is missing does not come with the next.
  #refuseRest(): void {
    const actualBytes = this.#framer.pendingBytes
    this.#framer.forget()
    this.#ingress.refuse(this.#connection, 0, new BrokerError('frame.malformed', { problem: `the message ends in the middle of a frame, after ${actualBytes} bytes of it` }))
  }

  encode({ kind, flags, to, ref, subject, body, payload }: BrokerMessage): Uint8Array {
    const bytes = payload ?? (body === undefined ? NOTHING : encode(body))
    const type = payload === undefined && body !== undefined ? PayloadType.msgpack : 0
    return encodeFrame({ kind, flags: flags ?? type, to: to ?? 0, ref: ref ?? 0, subject: subject ?? '', payload: bytes })
  }
}
