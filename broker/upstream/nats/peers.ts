// Which other brokers there are, so that what was held is not sent before they are back: where the servers themselves were away, the
// first broker to return would send to nobody.
//
//   joined    $CB.bus.hello ─▶ all brokers       each answers $CB.bus.<broker>.here, or says hello itself when it is back
//   stopping  $CB.bus.bye   ─▶ all brokers

/** Past it nobody else is waited for. */
const MAX_PEERS = 1024
/** Longest wait for those who do not answer; they are not waited for again. ms */
export const GATHER_MS = 500

const ID = /^[A-Za-z0-9_-]{1,64}$/

export type PeerWord = 'hello' | 'here' | 'bye'

/** True for what a broker may be called in a subject. */
export function isPeerId(id: string): boolean {
  return ID.test(id)
}

export class Peers {
  readonly #known = new Set<string>()
  #awaited = new Set<string>()
  #gathered: (() => void) | undefined

  get size(): number {
    return this.#known.size
  }

  heard(peer: string, word: PeerWord): void {
    this.#awaited.delete(peer)
    if (word === 'bye') this.#known.delete(peer)
    else if (this.#known.size < MAX_PEERS) this.#known.add(peer)
    if (this.#awaited.size === 0) this.#gathered?.()
  }

  /** The link is lost: at the next join those who were there are waited for. */
  lost(): void {
    this.#awaited = new Set(this.#known)
  }

  /** Resolves when all of them were heard, or the time is up. */
  async gathered(timeoutMs: number): Promise<void> {
    if (this.#awaited.size === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, timeoutMs)
    this.#gathered = resolve
    await promise
    clearTimeout(timer)
    this.#gathered = undefined
    for (const missing of this.#awaited) this.#known.delete(missing)
    this.#awaited.clear()
  }
}
