// What a running workload shows to whoever measures it.

/** Messages under way between the lines of one workload. */
export interface Traffic {
  /** Begins to send; with `limit` it stops by itself after about so many messages of each sender. */
  start(limit?: number): void
  /** Sends no more. */
  stop(): void
  /** Deliveries so far, counted by their length. */
  deliveries(): number
  /** Resolves when everything sent has arrived, or something went wrong. Call after `stop()` or with a limit. */
  settled(): Promise<void>
  /** What went wrong so far, for people; empty when nothing did. */
  problems(): readonly string[]
}

/** Collects problems, a few of each workload, and lets others wait for the first. */
export class Problems {
  readonly texts: string[] = []
  onFirst: () => void = () => {}

  add(text: string): void {
    if (this.texts.length < 5) this.texts.push(text)
    if (this.texts.length === 1) this.onFirst()
  }
}
