// The name under which a Unix socket is bound before it gets its own. Kernels go on naming it so: /proc/net/unix never tells of the renaming.

import { randomBytes } from 'node:crypto'

const DRAFT = /^\.[0-9a-f]{5}$/

/** A file name that nobody else uses, no longer than that of any path to a socket: 6 characters. */
export function socketDraft(): string {
  return `.${randomBytes(3).toString('hex').slice(0, 5)}`
}

/** True for names of `socketDraft`. */
export function isSocketDraft(name: string): boolean {
  return DRAFT.test(name)
}
