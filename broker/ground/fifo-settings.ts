// What the configuration says of a pair of FIFOs.

import type { Overflow } from './overflow.ts'
import type { PatternRules } from './types.ts'

export interface FifoSettings {
  /** Of its files, `<name>.in` and `<name>.out` in the home. */
  readonly name: string
  readonly publish: PatternRules
  readonly subscribe: PatternRules
  /** What happens to what its program does not read. */
  readonly overflow: Overflow
  /** Most that waits for it. bytes */
  readonly maxPendingBytes: number
}
