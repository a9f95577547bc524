// What became of a recorded run at each of its receivers. Reads the recorder; remembers nothing.

import type { Fate } from '../ground/fate.ts'
import type { Departures } from './departures.ts'
import type { RecordedRun, Recorder } from './recorder.ts'

/** A receiver that is connected, or whose session waits for it. */
export interface PresentReceiver {
  readonly client: string
  readonly outbound: { readonly writtenRun: number; readonly isForwarding: boolean }
}

/** A queue among the receivers, here or not long gone. */
export interface QueueReceiver {
  readonly name: string
  /** A run waits for its store. */
  awaits(run: number): boolean
}

/** `unknown`: it happened longer ago than what is remembered of it. */
export type RecordedFate = Fate | 'unknown'

export interface RecordedDelivery {
  readonly receiver: number
  readonly client: string | undefined
  readonly fate: RecordedFate
  /** When its kernel took it. µs since the run was received; undefined: it did not, or that is not known */
  readonly writtenMicros: number | undefined
}

export class Fates {
  readonly #recorder: Recorder
  readonly #departures: Departures
  readonly #present: (number: number) => PresentReceiver | undefined
  readonly #queue: (number: number) => QueueReceiver | undefined

  constructor(recorder: Recorder, departures: Departures, present: (number: number) => PresentReceiver | undefined, queue: (number: number) => QueueReceiver | undefined = () => undefined) {
    this.#recorder = recorder
    this.#departures = departures
    this.#present = present
    this.#queue = queue
  }

  /** Each receiver's share of a run; undefined when its receivers are not known any more. */
  of(run: RecordedRun): readonly RecordedDelivery[] | undefined {
    const receivers = this.#recorder.receiversOf(run.seq)
    if (receivers === undefined) return undefined
    const exceptions = run.hasExceptions ? [...this.#recorder.exceptions.of(run.seq)] : []
    const isForgotten = run.hasExceptions && run.seq <= this.#recorder.exceptions.forgottenTo
    return receivers.map((receiver) => {
      const own = exceptions.filter((exception) => exception.receiver === receiver)
      const drop = own.find(({ kind }) => kind !== 'late')
      const late = own.find(({ kind }) => kind === 'late')
      const { client, fate } = this.#plainFate(receiver, run.seq)
      if (drop !== undefined) return { receiver, client, fate: `dropped(${drop.kind as Exclude<typeof drop.kind, 'late'>})`, writtenMicros: undefined }
      if (fate === 'stored') return { receiver, client, fate: isForgotten ? 'unknown' : fate, writtenMicros: undefined }
      if (fate !== 'written' && fate !== 'forwarded') return { receiver, client, fate, writtenMicros: undefined }
      if (late !== undefined) return { receiver, client, fate, writtenMicros: late.timeMicros - run.timeMicros }
      if (isForgotten) return { receiver, client, fate: 'unknown', writtenMicros: undefined }
      return { receiver, client, fate, writtenMicros: run.writtenMicros < 0 ? undefined : run.writtenMicros }
    })
  }

  /** The fates in one word: that of all receivers, `mixed`, or `unknown`. */
  summary(run: RecordedRun, deliveries: readonly RecordedDelivery[] | undefined): string {
    if (run.receivers === 0) return 'dropped(no-interest)'
    const fates = new Set(deliveries?.map(({ fate }) => fate))
    return fates.size === 1 ? [...fates][0]! : fates.size === 0 ? 'unknown' : 'mixed'
  }

  // As far as it follows from how much the receiver's kernel has taken.
  #plainFate(receiver: number, seq: number): { client: string | undefined; fate: RecordedFate } {
    const present = this.#present(receiver)
    if (present !== undefined) return { client: present.client, fate: present.outbound.writtenRun < seq ? 'pending' : present.outbound.isForwarding ? 'forwarded' : 'written' }
    const queue = this.#queue(receiver)
    if (queue !== undefined) return { client: queue.name, fate: queue.awaits(seq) ? 'pending' : 'stored' }
    const departure = this.#departures.get(receiver)
    if (departure === undefined) return { client: undefined, fate: 'unknown' }
    return { client: departure.client, fate: departure.writtenRun >= seq ? 'written' : `dropped(${departure.reason})` }
  }
}
