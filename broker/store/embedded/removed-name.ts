// The name of a queue that is being removed: from the first step on it cannot be opened, and the next start finds what is left of it.

import { randomInt } from 'node:crypto'

// No subject begins so, and no damage of one byte makes another name into this one.
const prefixOf = (id: number): string => `\u0000removed ${id}.`

export function removedName(id: number): string {
  return `${prefixOf(id)}${randomInt(2 ** 32)}`
}

/** Damage makes names that are no texts, too. */
export function isRemoved({ id, name }: { readonly id: number; readonly name: unknown }): boolean {
  return typeof name === 'string' && name.startsWith(prefixOf(id))
}
