// What a receiver lost for one reason since it was last told.

import type { Recorder } from './observe/recorder.ts'

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

  /** `count` more messages, those of the recorded run at position `run`; -1: they were not recorded. */
  add(count: number, run: number, recorder: Recorder): void {
    this.count += count
    if (run < recorder.oldest) return
    const origin = recorder.originOf(run)
    const subject = recorder.subjectOf(run)
    const firstId = recorder.firstIdOf(run)
    const last = this.ranges.at(-1)
    if (last?.origin === origin && last.subject === subject) {
      last.to = firstId + count - 1
      last.count += count
    } else if (this.ranges.length < MAX_RANGES) this.ranges.push({ origin, subject, from: firstId, to: firstId + count - 1, count })
    else this.more = true
  }
}
