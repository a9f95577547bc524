// What a turn of the main thread asks of the store thread, in one piece of memory. Both sides are here, so that they agree.
//
//   append   kind queue durability count sequence dueAt expiresAt messageId session bytes
//   demand   kind queue more
//   settle   kind queue count { verdict position attempt [delay reason] }…
//   forward  kind queue position attempt count { append }…
//
// All but demand are answered, in the order of their numbers: both sides count them.

import type { Append, Durability, Forward, Settlement, Verdict } from '../../ground/store.ts'
import type { ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'

export const Operation = { append: 1, demand: 2, settle: 3, forward: 4 } as const

const durabilityCodes: readonly Durability[] = ['memory', 'os', 'fsync']
const verdictCodes: readonly Verdict[] = ['ack', 'nak', 'term', 'working', 'release']

/** One append as the store thread sees it: its bytes are still in the memory that it came in. */
export interface AppendRead {
  readonly queue: number
  readonly durability: Durability
  readonly count: number
  readonly sequence: number
  readonly dueAtMs: number
  readonly expiresAtMs: number
  readonly messageId: string | undefined
  readonly session: string | undefined
  /** In the reader's bytes. */
  readonly start: number
  readonly end: number
}

export function writeAppend(writer: ByteWriter, queue: number, append: Append): void {
  writer.u8(Operation.append)
  writeAppendBody(writer, queue, append)
}

function writeAppendBody(writer: ByteWriter, queue: number, { bytes, start, end, count, messageId, session, sequence, dueAtMs, expiresAtMs, durability }: Append): void {
  writer.u32(queue)
  writer.u8(durabilityCodes.indexOf(durability))
  writer.u32(count)
  writer.f64(sequence)
  writer.f64(dueAtMs)
  writer.f64(expiresAtMs)
  writer.text(messageId)
  writer.text(session)
  writer.bytes(bytes, start, end)
}

export function readAppend(reader: ByteReader): AppendRead {
  const queue = reader.u32()
  const durability = durabilityCodes[reader.u8()]!
  const count = reader.u32()
  const sequence = reader.f64()
  const dueAtMs = reader.f64()
  const expiresAtMs = reader.f64()
  const messageId = reader.text()
  const session = reader.text()
  const size = reader.bytesLength()
  const start = reader.at
  reader.at += size
  return { queue, durability, count, sequence, dueAtMs, expiresAtMs, messageId, session, start, end: reader.at }
}

export function writeDemand(writer: ByteWriter, queue: number, more: number): void {
  writer.u8(Operation.demand)
  writer.u32(queue)
  writer.f64(more)
}

export function writeSettle(writer: ByteWriter, queue: number, settlements: readonly Settlement[]): void {
  writer.u8(Operation.settle)
  writer.u32(queue)
  writer.u32(settlements.length)
  for (const { position, attempt, verdict, delayMs, reason } of settlements) {
    writer.u8(verdictCodes.indexOf(verdict))
    writer.f64(position)
    writer.u32(attempt)
    if (verdict !== 'nak' && verdict !== 'term') continue
    writer.f64(delayMs ?? -1)
    writer.text(reason)
  }
}

export function readSettlement(reader: ByteReader): Settlement {
  const verdict = verdictCodes[reader.u8()]!
  const position = reader.f64()
  const attempt = reader.u32()
  if (verdict !== 'nak' && verdict !== 'term') return { position, attempt, verdict }
  const delayMs = reader.f64()
  return { position, attempt, verdict, delayMs: delayMs < 0 ? undefined : delayMs, reason: reader.text() }
}

/** @param numberOf the number of an open queue by its name */
export function writeForward(writer: ByteWriter, queue: number, { position, attempt, to }: Forward, numberOf: (name: string) => number): void {
  writer.u8(Operation.forward)
  writer.u32(queue)
  writer.f64(position)
  writer.u32(attempt)
  writer.u32(to.length)
  for (const { queue: name, append } of to) writeAppendBody(writer, numberOf(name), append)
}
