// Stands for the link of a session whose client has not come for it yet. Carries nothing.

import type { Framing, Link, LinkHandler, Peer } from './ground/types.ts'

export class AbsentLink implements Link {
  readonly peer: Peer
  readonly framing: Framing
  readonly wrap = undefined

  constructor(peer: Peer, framing: Framing) {
    this.peer = peer
    this.framing = framing
  }

  attach(_handler: LinkHandler): void {}
  admitted(_maxMessageBytes: number): void {}
  pause(): void {}
  resume(): void {}
  close(): void {}
  destroy(): void {}

  write(): boolean {
    return false
  }
}
