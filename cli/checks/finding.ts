// What a check of `callboard doctor` found. One place for the words, so that people and programs get the same.

export interface Finding {
  /** A word or two: what was looked at. */
  readonly check: string
  /** `warn`: it works, but not as it should; `fail`: something does not work. */
  readonly state: 'ok' | 'warn' | 'fail'
  readonly text: string
  /** What to do, usually a command line. */
  readonly remedy?: string
}
