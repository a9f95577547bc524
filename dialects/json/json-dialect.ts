// JSON lines for one connection: each line is an envelope.

import type { BrokerMessage, Dialect, Ingress } from '../../broker/ground/control.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import type { Slice } from '../../broker/ground/slice.ts'
import { lineText, parseMembers, type ObjectMembers } from './envelope.ts'
import { Envelopes, type EnvelopeHost, type EnvelopeSource } from './envelopes.ts'
import type { JsonWriter, ReceiverNames } from './json-writer.ts'
import { LineSplitter } from './line-splitter.ts'

/** What the dialect asks of the broker. */
export interface JsonHost extends EnvelopeHost {
  readonly writer: JsonWriter
}

const utf8 = new TextEncoder()
const NOTHING = new Uint8Array(0)

export class JsonDialect<C extends EnvelopeSource> implements Dialect {
  readonly name = 'json'
  readonly translate: (slice: Slice) => Slice
  readonly #connection: C
  readonly #ingress: Ingress<C>
  #lines: LineSplitter
  readonly #envelopes: Envelopes<C>

  constructor(connection: C, ingress: Ingress<C>, host: JsonHost, maxLineBytes: number) {
    this.#connection = connection
    this.#ingress = ingress
    this.#lines = new LineSplitter(maxLineBytes)
    this.#envelopes = new Envelopes(connection, ingress, host)
    const own: ReceiverNames = this.#envelopes.names
    this.translate = (slice) => host.writer.translate(slice, own)
  }

  reset(): void {
    this.#lines = new LineSplitter(this.#lines.maxLineBytes)
  }

  limit(maxFrameBytes: number): void {
    this.#lines.maxLineBytes = maxFrameBytes
  }

  received(chunk: Uint8Array): void {
    try {
      this.#lines.push(chunk, (line) => this.#line(line))
    } catch (error) {
      this.#ingress.fail(this.#connection, BrokerError.from(error))
    }
  }

  encode(message: BrokerMessage): Uint8Array {
    const envelope = this.#envelopes.write(message)
    return envelope === undefined ? NOTHING : utf8.encode(`${JSON.stringify(envelope)}\n`)
  }

  #line(bytes: Uint8Array): void {
    let text: string
    let members: ObjectMembers
    try {
      text = lineText(bytes)
      members = parseMembers(text)
    } catch (error) {
      return this.#ingress.refuse(this.#connection, 0, BrokerError.from(error))
    }
    this.#envelopes.read(members, text)
  }
}
