// What disks and people do to files, as values that fast-check can choose, show and shrink.

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'

export interface FileDamage {
  readonly file: string
  readonly how: 'flip' | 'zero' | 'noise' | 'cut' | 'delete' | 'double' | 'page zero' | 'page copy' | 'page swap' | 'remove'
  /** Where, as a share of the file. */
  readonly at: number
  readonly to: number
  readonly length: number
}

// Doubles of fast-check are next to 0 half of the time.
const share = fc.integer({ min: 0, max: 999_999 }).map(value => value / 1_000_000)

/** One kind of damage to one of these files. */
export function anyDamage(files: readonly string[]): fc.Arbitrary<FileDamage> {
  return fc.record({
    file: fc.constantFrom(...files),
    how: fc.constantFrom('flip', 'flip', 'flip', 'zero', 'noise', 'cut', 'delete', 'double', 'page zero', 'page copy', 'page swap', 'remove'),
    at: share,
    to: share,
    length: fc.oneof(fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 20_000 })),
  })
}

/** Does it; false when nothing changed. */
export function inflict(directory: string, { file, how, at, to, length }: FileDamage, pageBytes: number): boolean {
  const path = join(directory, file)
  if (!existsSync(path)) return false
  if (how === 'remove') {
    rmSync(path, { recursive: true })
    return true
  }
  const before = readFileSync(path)
  if (before.length === 0) return false
  const place = Math.floor(at * before.length)
  const pages = Math.max(1, Math.floor(before.length / pageBytes))
  const [page, other] = [Math.floor(at * pages) * pageBytes, Math.floor(to * pages) * pageBytes]
  let after = Buffer.from(before)
  switch (how) {
    case 'flip':
      after[place]! ^= 1 << (length % 8)
      break
    case 'zero':
      after.subarray(place, place + length).fill(0)
      break
    case 'noise':
      for (let i = place; i < Math.min(place + length, after.length); i++) after[i] = (Math.imul(i + 1, 0x9e3779b1) >>> 24) ^ length
      break
    case 'cut':
      after = after.subarray(0, place)
      break
    case 'delete':
      after = Buffer.concat([before.subarray(0, place), before.subarray(place + length)])
      break
    case 'double':
      after = Buffer.concat([before.subarray(0, place + length), before.subarray(place)])
      break
    case 'page zero':
      after.subarray(page, page + pageBytes).fill(0)
      break
    case 'page copy':
      before.copy(after, other, page, page + pageBytes)
      break
    case 'page swap':
      before.copy(after, other, page, page + pageBytes)
      before.copy(after, page, other, other + pageBytes)
      break
  }
  writeFileSync(path, after)
  return !after.equals(before)
}
