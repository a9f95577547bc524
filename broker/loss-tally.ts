// What a receiver lost for one reason since it was last told.

import type { RecordedRun } from './observe/recorder.ts'

/** Stretches of lost messages that are named; of more it is said that there were more. */
const MAX_RANGES = 16

/** Messages of one sender and subject, `from`..`to` by their ids. */
interface LostRange {
  readonly origin: number
  readonly subject: string
  readonly from: number
  to: number
  count: number
}

export class LossTally {
  count = 0
  more = false
  readonly ranges: LostRange[] = []

  /** `count` more messages; `run` is what the flight recorder knows of them. */
  add(count: number, run: RecordedRun | undefined): void {
    this.count += count
    if (run === undefined) return
    const { origin, subject, firstId } = run
    const last = this.ranges.at(-1)
    if (last?.origin === origin && last.subject === subject) {
      last.to = firstId + count - 1
      last.count += count
    } else if (this.ranges.length < MAX_RANGES) this.ranges.push({ origin, subject, from: firstId, to: firstId + count - 1, count })
    else this.more = true
  }
}
