// What a client may still send on each subject: a window that refills as its messages are passed on, and not while a
// receiver of the subject is behind. Knows bytes and subjects, no frames.
//
//   window   [ sent, not granted again │ may be sent ]
//                    └── granted again when half of it is used and nobody holds the subject

interface Entry {
  /** Sent and not granted again. */
  usedBytes: number
  /** Receivers that are behind. */
  holders: Set<object> | undefined
}

/** A subject and how much more may be sent on it. */
export type Grant = readonly [subject: string, bytes: number]

/** Subjects with something used that are remembered; past it all that are not held are granted at once. */
const MAX_SUBJECTS = 4096

export class CreditBook {
  readonly windowBytes: number
  readonly #bySubject = new Map<string, Entry>()

  constructor(windowBytes: number) {
    this.windowBytes = windowBytes
  }

  /**
   * Takes `bytes` of the subject's credit; false when they exceed it. What is larger than half of the window needs half of
   * it: nothing is granted again before half is used, so more than half could be waited for in vain.
   */
  spend(subject: string, bytes: number): boolean {
    const entry = this.#bySubject.get(subject)
    if (entry === undefined) {
      this.#bySubject.set(subject, { usedBytes: bytes, holders: undefined })
      return true
    }
    if (this.windowBytes - entry.usedBytes < Math.min(bytes, this.windowBytes / 2)) return false
    entry.usedBytes += bytes
    return true
  }

  /** What was spent on the subject has been passed on: what is to be granted now. */
  passedOn(subject: string): readonly Grant[] {
    if (this.#bySubject.size > MAX_SUBJECTS) return this.#grantAll()
    const entry = this.#bySubject.get(subject)
    return entry !== undefined && entry.usedBytes * 2 >= this.windowBytes ? this.#grant(subject, entry) : []
  }

  /** A receiver of the subject is behind: nothing is granted until it is released. */
  hold(subject: string, receiver: object): void {
    const entry = this.#bySubject.get(subject)
    if (entry === undefined) this.#bySubject.set(subject, { usedBytes: 0, holders: new Set([receiver]) })
    else (entry.holders ??= new Set()).add(receiver)
  }

  /** The receiver has caught up, or is nobody to wait for any more: what is to be granted now. */
  release(receiver: object): readonly Grant[] {
    const grants: Grant[] = []
    for (const [subject, entry] of this.#bySubject) if (entry.holders?.delete(receiver) === true) grants.push(...this.#grant(subject, entry))
    return grants
  }

  #grantAll(): readonly Grant[] {
    return [...this.#bySubject].flatMap(([subject, entry]) => this.#grant(subject, entry))
  }

  #grant(subject: string, entry: Entry): readonly Grant[] {
    if (entry.holders !== undefined && entry.holders.size > 0) return []
    this.#bySubject.delete(subject)
    return entry.usedBytes === 0 ? [] : [[subject, entry.usedBytes]]
  }
}
