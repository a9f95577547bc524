// Decides what follows a broker's death: it is started again, now or later, or not at all. Pure.

/** How a broker ended without having been asked. Exactly one of code and signal is set, or none of the two where nobody could see it. */
export interface Death {
  /** Monotonic. ms */
  readonly atMs: number
  /** How long it answered before; undefined: it never did. ms */
  readonly servedMs: number | undefined
  readonly code: number | undefined
  readonly signal: string | undefined
  /** The watchdog itself ended it, as it said nothing for so long. ms */
  readonly silentMs?: number | undefined
}

type Verdict = { readonly restart: true; readonly afterMs: number } | { readonly restart: false; readonly why: string }

/** A broker that answered for so long has come up: what ends it then is no matter of how it was started. ms */
const SETTLED_MS = 2000
/** Delay before the second restart of a broker that does not settle; the first one is at once. It doubles, up to the longest. ms */
const FIRST_DELAY_MS = 100
const LONGEST_DELAY_MS = 10_000
/** Exit codes that the next start would end with too: wrong words or configuration, and a home that another broker has. */
const HOPELESS: ReadonlyMap<number, string> = new Map([[2, 'its command line or configuration is wrong'], [3, 'another broker has the home']])

export class Judge {
  readonly #most: number
  readonly #periodMs: number
  #deaths: number[] = []
  #inARow = 0
  #hasServed = false

  /** More than `most` deaths within `periodMs` are the end. */
  constructor(most: number, periodMs: number) {
    this.#most = most
    this.#periodMs = periodMs
  }

  /** Called once for each death, in order. */
  judge(death: Death): Verdict {
    const { atMs, servedMs, code } = death
    this.#hasServed ||= servedMs !== undefined
    const hopeless = code === undefined ? undefined : HOPELESS.get(code)
    if (hopeless !== undefined) return { restart: false, why: hopeless }
    if (!this.#hasServed) return { restart: false, why: 'it never came up' }
    this.#deaths = [...this.#deaths.filter(earlierMs => atMs - earlierMs < this.#periodMs), atMs]
    if (this.#deaths.length > this.#most) return { restart: false, why: `it has died ${this.#deaths.length} times within ${Math.round(this.#periodMs / 1000)} s` }
    this.#inARow = servedMs !== undefined && servedMs >= SETTLED_MS ? 0 : this.#inARow + 1
    return { restart: true, afterMs: this.#inARow < 2 ? 0 : Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.#inARow - 2)) }
  }
}

/** The death in words: `killed by SIGKILL`. */
export function describeDeath({ code, signal, silentMs }: Death): string {
  if (silentMs !== undefined) return `hung: silent for ${Math.round(silentMs / 1000)} s, killed by the watchdog`
  if (signal !== undefined) return `killed by ${signal}`
  return code === undefined ? 'gone without a word' : `exit code ${code}`
}
