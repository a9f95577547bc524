// All that waits for the store thread, read before any of it is done: when the transaction fails, each of them can be told.

import type { Settlement } from '../../ground/store.ts'
import { ByteReader } from './byte-reader.ts'
import type { AnyCall, Batch, ToThread } from './messages.ts'
import { Operation, readAppend, readSettlement, type AppendRead } from './operations.ts'

export interface AppendStep {
  readonly kind: 'append'
  readonly number: number
  readonly read: AppendRead
  /** What the places of `read` refer to. */
  readonly bytes: Buffer
  /** Number of the batch, from 1. */
  readonly batch: number
}

export interface ForwardStep {
  readonly kind: 'forward'
  readonly number: number
  readonly queue: number
  readonly position: number
  readonly attempt: number
  readonly targets: readonly AppendStep[]
}

export interface SettleStep {
  readonly kind: 'settle'
  readonly number: number
  readonly queue: number
  readonly settlements: readonly Settlement[]
}

export interface CallStep {
  readonly kind: 'call'
  readonly number: number
  readonly call: AnyCall
}

export interface Group {
  /** In their order, between calls. */
  readonly steps: readonly (AppendStep | ForwardStep | SettleStep | CallStep)[]
  /** In any order: they only add up. */
  readonly demands: readonly { readonly queue: number; readonly more: number }[]
  /** Memory of the batches. */
  readonly buffers: ArrayBuffer[]
}

export function readGroup(messages: readonly ToThread[]): Group {
  const group = { steps: [] as Group['steps'][number][], demands: [] as Group['demands'][number][], buffers: [] as ArrayBuffer[] }
  for (const message of messages) {
    if (message.kind === 'batch') readBatch(message, group)
    else if (message.kind === 'call') group.steps.push(message)
  }
  return group
}

/** Of the frames that these would append. */
export function appendedBytes(steps: Group['steps']): number {
  let bytes = 0
  for (const step of steps) {
    if (step.kind === 'append') bytes += step.read.end - step.read.start
    else if (step.kind === 'forward') for (const { read } of step.targets) bytes += read.end - read.start
  }
  return bytes
}

function readBatch({ memory, length, first }: Batch, group: { steps: Group['steps'][number][]; demands: Group['demands'][number][]; buffers: ArrayBuffer[] }): void {
  const reader = new ByteReader(memory, length)
  const batch = group.buffers.push(memory)
  const { bytes } = reader
  let number = first
  while (!reader.isDone) {
    const kind = reader.u8()
    if (kind === Operation.append) group.steps.push({ kind: 'append', number: number++, read: readAppend(reader), bytes, batch })
    else if (kind === Operation.demand) group.demands.push({ queue: reader.u32(), more: reader.f64() })
    else if (kind === Operation.settle) {
      const queue = reader.u32()
      const settlements = Array.from({ length: reader.u32() }, () => readSettlement(reader))
      group.steps.push({ kind: 'settle', number: number++, queue, settlements })
    } else {
      const queue = reader.u32()
      const position = reader.f64()
      const attempt = reader.u32()
      const targets = Array.from({ length: reader.u32() }, (): AppendStep => ({ kind: 'append', number: number++, read: readAppend(reader), bytes, batch }))
      group.steps.push({ kind: 'forward', number: number++, queue, position, attempt, targets })
    }
  }
}
