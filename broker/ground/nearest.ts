// The known word that a misspelt one was probably meant to be.

/** Pairs of letters held against each other at most, about 10 ms before it is compiled: names may be very many, and a suggestion is worth no more. */
const MAX_COMPARED = 100_000

/**
 * The candidate with the smallest edit distance to `word`, or undefined when none is near: at most a third of the
 * letters may be wrong, at least one. Case does not count; of equals the first wins. Of
 * many candidates only the first are looked at.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase()
  // A word of a megabyte is nobody's typing error, and the distance costs the product of the lengths.
  if (wanted.length > 64) return undefined
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1
  let compared = 0
  for (const candidate of candidates) {
    // So many letters at least are missing or too many.
    if (Math.abs(candidate.length - wanted.length) >= bestDistance) continue
    compared += candidate.length * wanted.length
    if (compared > MAX_COMPARED) break
    const distance = editDistance(wanted, candidate.toLowerCase())
    if (distance >= bestDistance) continue
    best = candidate
    bestDistance = distance
  }
  return best
}

/** How many letters must be inserted, deleted, replaced, or swapped with their neighbour, to make `a` into `b`. */
export function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      row[j] = Math.min(replaced, previous[j]! + 1, row[j - 1]! + 1)
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (isSwap) row[j] = Math.min(row[j]!, beforePrevious[j - 2]! + 1)
    }
    beforePrevious = previous
    previous = row
  }
  return previous[b.length]!
}
