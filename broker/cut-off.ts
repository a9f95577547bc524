// Links for which there is no room, not even to be told so.

import type { Link, LinkHandler } from './ground/types.ts'

const nobody: LinkHandler = { received() {}, written() {}, ended() {}, closed() {} }

/** Ends the link. It is attached all the same: whoever counts links hears of their end. */
export function cutOff(link: Link): undefined {
  link.attach(nobody)
  link.destroy()
}
