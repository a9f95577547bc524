// Random numbers that come again with the same seed, for stories too long for fast-check to shrink.

export interface Random {
  /** 0 and more, less than 1. */
  next(): number
  /** An integer of `least..most`. */
  between(least: number, most: number): number
  pick<T>(all: readonly T[]): T
}

/** mulberry32: public domain, by Tommy Ettinger. */
export function seededRandom(seed: number): Random {
  let state = seed | 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1))
  return { next, between, pick: all => all[between(0, all.length - 1)]! }
}
