// One subscription, and the queue group it may belong to.

import type { Filter } from '../ground/filter.ts'
import type { Subscriber } from '../ground/slice.ts'

export interface Subscription {
  /** The client's number for it, 1..2^31-1. */
  readonly number: number
  readonly pattern: string
  readonly tokens: readonly string[]
  readonly group: string | undefined
  readonly filter: Filter | undefined
  readonly subscriber: Subscriber
}

/** Members that share the messages of one (pattern, name): each message goes to one of them. */
export class Group {
  readonly members: Subscription[] = []
  #next = 0

  /**
   * The next member in turn that `accepts` takes; members above high-water are passed over while another is below.
   * undefined when no member accepts.
   */
  pick(accepts: (member: Subscription) => boolean): Subscription | undefined {
    const { members } = this
    let fallbackAt = -1
    for (let i = 0; i < members.length; i++) {
      const at = (this.#next + i) % members.length
      const member = members[at]!
      if (!accepts(member)) continue
      if (!member.subscriber.isHigh) {
        this.#next = at + 1
        return member
      }
      if (fallbackAt < 0) fallbackAt = at
    }
    if (fallbackAt < 0) return undefined
    this.#next = fallbackAt + 1
    return members[fallbackAt]
  }
}
