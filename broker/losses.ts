// What a receiver lost while it stayed: remembered for whoever asks afterwards, and told to the receiver before the next
// message that it gets.

import type { Connection } from './connection.ts'
import { controlAccount, type Core } from './core.ts'
import type { BrokerError } from './ground/errors.ts'
import type { DropReason } from './ground/fate.ts'
import { Kind } from './ground/kind.ts'
import { Slice } from './ground/slice.ts'
import { LossTally } from './loss-tally.ts'

export class Losses {
  readonly #core: Core

  constructor(core: Core) {
    this.#core = core
  }

  /** A slice was dropped on its way to a receiver that stays; `isContinued`: see OutboundOwner. */
  add(connection: Connection, slice: Slice, reason: DropReason, isContinued: boolean): void {
    if (slice.watch?.isKept === true) return
    const { recorder, clock } = this.#core
    const { run, count } = slice
    if (run >= 0) recorder.dropped(run, connection.number, reason, count, clock.wallMicros(), isContinued)
    const tallies = (connection.losses ??= new Map<DropReason, LossTally>())
    let tally = tallies.get(reason)
    if (tally === undefined) tallies.set(reason, (tally = new LossTally()))
    tally.add(count, run, recorder)
  }

  /** Tells what was lost since the last notice, and forgets it; undefined when there is nothing to tell. */
  notice(connection: Connection): Slice | undefined {
    const { losses, dialect } = connection
    if (losses === undefined || dialect === undefined) return undefined
    connection.losses = undefined
    const frames = [...losses].map(([reason, { count, ranges, more }]) => dialect.encode({ kind: Kind.gap, body: { reason, count, ranges, more } })).filter((bytes) => bytes.length > 0)
    if (frames.length === 0) return undefined
    const bytes = frames.length === 1 ? frames[0]! : new Uint8Array(Buffer.concat(frames))
    return new Slice(bytes, 0, bytes.length, 0, controlAccount, frames.length)
  }
}

/** Why what waited for a connection that ended is lost. */
export function dropReasonOf(closeReason: BrokerError | undefined): DropReason {
  if (closeReason?.code === 'connection.slow_consumer') return 'slow-consumer'
  return closeReason?.code === 'connection.lost' || closeReason?.code === 'connection.stale' || closeReason?.code === 'session.expired' ? 'link-down' : 'actor-gone'
}
