// Receipts of messages that a queue has stored. They come by the hundred, as a commit answers all publishers that waited for it: those of
// one connection leave as one piece, written by hand after a frame that was encoded once.
//
//   receipt {receivers, stored: {queue, duplicate?, position}}      what differs: to and ref in front, position in the frame's last 8 bytes
//
// A client that reads receipts of runs gets one for all messages that stand one behind the other.

import { encode } from '@msgpack/msgpack'
import type { Connection } from './connection.ts'
import type { BrokerMessage } from './ground/control.ts'
import { Kind } from './ground/kind.ts'
import { PayloadType } from './ground/payload-type.ts'
import { encodeFrame } from './wire/frame.ts'
import { writeUint32, writeUint53 } from './wire/integers.ts'
import { MAX_ID, Offset } from './wire/layout.ts'

const POSITION_BYTES = 8

/** Receipts of one connection for one queue, with as many receivers each: runs of messages that stand one behind the other. */
interface Batch {
  readonly connection: Connection
  readonly queue: string
  readonly receivers: number
  readonly isDuplicate: boolean
  readonly runs: Run[]
  /** Messages in all of them. */
  count: number
}

interface Run {
  readonly ref: number
  readonly position: number
  count: number
}

interface Sender {
  send(connection: Connection, message: BrokerMessage): void
  sendBytes(connection: Connection, bytes: Uint8Array, frames: number): void
}

export class StoredReceipts {
  readonly #sender: Sender
  /** Of this turn, in their order. */
  #batches: Batch[] = []
  #last: Batch | undefined
  #template = new Uint8Array(0)
  #templateQueue = ''
  #templateReceivers = -1
  #isTemplateDuplicate = false

  constructor(sender: Sender) {
    this.#sender = sender
  }

  /** Messages `ref` and behind it of a connection that is there stand at `position` and behind it: their receipts leave at the end of the turn. */
  add(connection: Connection, ref: number, count: number, receivers: number, queue: string, position: number, isDuplicate: boolean): void {
    let batch = this.#last
    if (batch === undefined || batch.connection !== connection || batch.queue !== queue || batch.receivers !== receivers || batch.isDuplicate !== isDuplicate) {
      if (this.#batches.length === 0) queueMicrotask(() => this.#send())
      this.#batches.push((this.#last = batch = { connection, queue, receivers, isDuplicate, runs: [], count: 0 }))
    }
    const last = batch.runs.at(-1)
    if (last !== undefined && ref === last.ref + last.count && position === last.position + last.count) last.count += count
    else batch.runs.push({ ref, position, count })
    batch.count += count
  }

  #send(): void {
    const batches = this.#batches
    this.#batches = []
    this.#last = undefined
    for (const batch of batches) {
      const { connection } = batch
      if (!connection.isPresent) continue
      if (connection.readsReceiptRuns) this.#sender.sendBytes(connection, this.#write(batch, batch.runs), batch.runs.length)
      else if (connection.dialect?.name === 'native') this.#sender.sendBytes(connection, this.#write(batch, eachOf(batch.runs)), batch.count)
      else this.#sendEach(batch)
    }
  }

  #sendEach(batch: Batch): void {
    for (const { ref, position, count } of batch.runs) for (let i = 0; i < count; i++) this.#sender.send(batch.connection, { kind: Kind.receipt, ref: ref + i, body: bodyOf(batch, position + i) })
  }

  #write(batch: Batch, runs: readonly Run[]): Uint8Array {
    const template = this.#templateOf(batch)
    const size = template.length
    const bytes = new Uint8Array(size * runs.length)
    let at = 0
    for (const { ref, position, count } of runs) {
      bytes.set(template, at)
      writeUint32(bytes, at + Offset.to, count - 1)
      writeUint53(bytes, at + Offset.ref, ref)
      writeUint53(bytes, (at += size) - POSITION_BYTES, position)
    }
    return bytes
  }

  #templateOf(batch: Batch): Uint8Array {
    const { queue, receivers, isDuplicate } = batch
    if (queue !== this.#templateQueue || receivers !== this.#templateReceivers || isDuplicate !== this.#isTemplateDuplicate) {
      // A number that takes 8 bytes, so that every position has them.
      this.#template = encodeFrame({ kind: Kind.receipt, flags: PayloadType.msgpack, payload: encode(bodyOf(batch, MAX_ID)) })
      this.#templateQueue = queue
      this.#templateReceivers = receivers
      this.#isTemplateDuplicate = isDuplicate
    }
    return this.#template
  }
}

/** A run for each message. */
function eachOf(runs: readonly Run[]): readonly Run[] {
  return runs.flatMap(({ ref, position, count }) => Array.from({ length: count }, (_, i) => ({ ref: ref + i, position: position + i, count: 1 })))
}

// The position comes last, so that it ends the frame.
function bodyOf({ receivers, queue, isDuplicate }: Batch, position: number): object {
  return { receivers, stored: { queue, ...(isDuplicate ? { duplicate: true } : {}), position } }
}
