// What became of a message that was sent, in a few words.

import type { Receipt, StoredAt } from '../client/index.ts'
import { plural } from './format.ts'

/** `2 receivers`, `stored in queue jobs at position 17`, or that it was there before. */
export function receiptText({ receivers, stored, isDuplicate }: { readonly [K in keyof Receipt]?: Receipt[K] | undefined } & Pick<Receipt, 'receivers'>): string {
  if (stored === undefined) return isDuplicate ? 'a duplicate, not delivered again' : plural(receivers, 'receiver')
  return receivers > 1 ? `${plural(receivers, 'receiver')}, ${storedText(stored)}` : storedText(stored)
}

/** `queue`: its position, of several messages the last one's. */
export function storedText({ queue, position, isDuplicate }: StoredAt): string {
  return isDuplicate ? `a duplicate of position ${position} in queue ${queue}` : `stored in queue ${queue} at position ${position}`
}
