// The native dialect of one connection: frames in, frames out, nothing translated.

import { encode } from '@msgpack/msgpack'
import type { BrokerMessage, Dialect } from '../../broker/ground/control.ts'
import { PayloadType } from '../../broker/ground/payload-type.ts'
import { encodeFrame } from '../../broker/wire/frame.ts'
import { Framer } from '../../broker/wire/framer.ts'
import type { NativeReader, NativeSource } from './native-reader.ts'

const NOTHING = new Uint8Array(0)

export class NativeDialect<C extends NativeSource> implements Dialect {
  readonly name = 'native'
  readonly translate = undefined
  readonly #connection: C
  readonly #reader: NativeReader<C>
  readonly #framer: Framer

  constructor(connection: C, reader: NativeReader<C>, maxFrameBytes: number) {
    this.#connection = connection
    this.#reader = reader
    this.#framer = new Framer(maxFrameBytes)
  }

  limit(maxFrameBytes: number): void {
    this.#framer.maxFrameBytes = maxFrameBytes
  }

  received(chunk: Uint8Array): void {
    this.#reader.read(this.#connection, this.#framer, chunk)
  }

  encode({ kind, flags, to, ref, subject, body, payload }: BrokerMessage): Uint8Array {
    const bytes = payload ?? (body === undefined ? NOTHING : encode(body))
    const type = payload === undefined && body !== undefined ? PayloadType.msgpack : 0
    return encodeFrame({ kind, flags: flags ?? type, to: to ?? 0, ref: ref ?? 0, subject: subject ?? '', payload: bytes })
  }
}
