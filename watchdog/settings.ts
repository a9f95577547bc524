// What a watchdog is told when its process starts: plain data, as it goes over a command line.

export interface WatchdogSettings {
  readonly home: string
  /** What starts a broker: a program, and words before those of the command line. */
  readonly program: readonly string[]
  /** The broker's command line. */
  readonly words: readonly string[]
  /** Longest silence of a broker. ms, 0: any */
  readonly hangMs: number
  /** More deaths than this within a minute are the end. */
  readonly mostDeaths: number
  /** Its own last words are for programs. */
  readonly isJson: boolean
}
