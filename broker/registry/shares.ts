// Shares of versions: which of the groups of versions that a configuration weighs a message goes to, by turns or by its key.

import { hash32 } from './hash.ts'

export interface Share {
  /** 0: only where there is no other. */
  readonly weight: number
  readonly size: number
  /** When its next turn begins; see Turns. */
  turn: number
}

export class Shares<S extends Share> {
  readonly all: readonly S[]
  #now = 0

  constructor(all: readonly S[]) {
    this.all = all
  }

  /** The share whose turn it is, of those that have somebody; undefined: none has whom `isOut` leaves in. */
  take(isOut: (share: S) => boolean): S | undefined {
    let first: S | undefined
    for (const share of this.all) if (!isOut(share) && (first === undefined || precedes(share, first))) first = share
    if (first === undefined || first.weight === 0) return first
    if (first.turn > this.#now) this.#now = first.turn
    first.turn = this.#now + 1 / first.weight
    return first
  }

  /**
   * The share that the key belongs to, likewise: weighted rendezvous hashing, so that a change of one share's weight moves
   * only keys from it or to it.
   */
  of(key: string, isOut: (share: S) => boolean): S | undefined {
    const seed = hash32(key)
    let [best, bestScore] = [undefined as S | undefined, -Infinity]
    for (let i = 0; i < this.all.length; i++) {
      const share = this.all[i]!
      if (isOut(share)) continue
      // 0 < u < 1
      const u = (hash32(`${seed}/${i}`) + 0.5) / 2 ** 32
      const score = share.weight === 0 ? -Number.MAX_VALUE : share.weight / -Math.log(u)
      if (score > bestScore) [best, bestScore] = [share, score]
    }
    return best
  }
}

function precedes(a: Share, b: Share): boolean {
  if (a.weight === 0 || b.weight === 0) return a.weight > b.weight
  return a.turn < b.turn
}
