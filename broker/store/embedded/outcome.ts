// Gathers what a transaction comes to, to be told to the main thread when it is committed.

import type { BrokerError } from '../../ground/errors.ts'
import type { QueueEvent } from '../../ground/store.ts'
import { Answer, type Answers, type SentError } from './answers.ts'
import { ByteWriter } from './byte-writer.ts'

/** A message on lease on its way: its frame, or where it stands in one of the batches. */
export interface LeasedFrame {
  readonly position: number
  readonly attempt: number
  /** 0: the bytes are its own; else the number of the batch, from 1. */
  readonly batch: number
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
}

export class Outcome {
  readonly #writer = new ByteWriter()
  readonly #errors: SentError[] = []
  readonly #events = new Map<number, QueueEvent[]>()
  readonly #leased = new Map<number, LeasedFrame[]>()

  get isEmpty(): boolean {
    return this.#writer.length === 0 && this.#events.size === 0 && this.#leased.size === 0
  }

  stored(number: number, first: number, count: number): void {
    this.#writer.u8(Answer.stored)
    this.#writer.f64(number)
    this.#writer.f64(first)
    this.#writer.u32(count)
  }

  duplicate(number: number, position: number): void {
    this.#writer.u8(Answer.duplicate)
    this.#writer.f64(number)
    this.#writer.f64(position)
  }

  dropped(number: number, count: number): void {
    this.#writer.u8(Answer.dropped)
    this.#writer.f64(number)
    this.#writer.u32(count)
  }

  refused(number: number, count: number, error: BrokerError): void {
    this.#writer.u8(Answer.refused)
    this.#writer.f64(number)
    this.#writer.u32(count)
    this.#writer.u32(this.#error(error))
  }

  settled(number: number, lost: readonly number[]): void {
    this.#writer.u8(Answer.settled)
    this.#writer.f64(number)
    this.#writer.u32(lost.length)
    for (const position of lost) this.#writer.f64(position)
  }

  unsettled(number: number, error: BrokerError): void {
    this.#writer.u8(Answer.unsettled)
    this.#writer.f64(number)
    this.#writer.u32(this.#error(error))
  }

  leased(queue: number, frame: LeasedFrame): void {
    const frames = this.#leased.get(queue)
    if (frames === undefined) this.#leased.set(queue, [frame])
    else frames.push(frame)
  }

  happened(queue: number, event: QueueEvent): void {
    const events = this.#events.get(queue)
    if (events === undefined) this.#events.set(queue, [event])
    else events.push(event)
  }

  /** What is sent. The outcome is done with. */
  answers(buffers: readonly ArrayBuffer[]): Answers {
    for (const [queue, frames] of this.#leased) this.#writeLeased(queue, frames)
    return { kind: 'answers', memory: this.#writer.take(), length: this.#writer.length, buffers, errors: this.#errors, events: [...this.#events] }
  }

  #writeLeased(queue: number, frames: readonly LeasedFrame[]): void {
    const writer = this.#writer
    writer.reserve(leasedBytes(frames))
    writer.u8(Answer.leased)
    writer.u32(queue)
    writer.u32(frames.length)
    for (const { position, attempt, batch, bytes, start, end } of frames) {
      writer.f64(position)
      writer.u32(attempt)
      writer.u32(batch)
      if (batch === 0) writer.bytes(bytes, start, end)
      else {
        writer.u32(start)
        writer.u32(end - start)
      }
    }
  }

  #error(error: BrokerError): number {
    const last = this.#errors.at(-1)
    if (last?.code === error.code && last.details === error.details) return this.#errors.length - 1
    return this.#errors.push({ code: error.code, details: error.details }) - 1
  }
}

// What `#writeLeased` writes at most.
function leasedBytes(frames: readonly LeasedFrame[]): number {
  let bytes = 9
  for (const { batch, start, end } of frames) bytes += 24 + (batch === 0 ? end - start : 0)
  return bytes
}
