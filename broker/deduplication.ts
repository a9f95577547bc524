// Messages that come again on a channel that keeps none: acknowledged, and not delivered a second time. Queues remember for themselves.

import type { Clock } from './ground/clock.ts'
import type { Settings } from './ground/settings.ts'
import type { Log } from './ground/types.ts'
import type { Channels } from './registry/channels.ts'
import type { Route } from './routing/route.ts'
import { RecentIds } from './session/recent-ids.ts'

/** Of all channels together; about 30 MB when their texts are of usual length. */
const MAX_IDS = 262_144

interface Parts {
  readonly settings: Settings
  readonly channels: Channels
  readonly clock: Clock
  readonly log: Log
}

export class Deduplication {
  readonly #parts: Parts
  readonly #ids: RecentIds

  constructor(parts: Parts, maxIds = MAX_IDS) {
    this.#parts = parts
    this.#ids = new RecentIds(maxIds, () => parts.log.warn({ ids: maxIds }, 'more ids come within deduplication.window than are remembered: the oldest are forgotten before their time'))
  }

  /** True when a publish with that id was accepted on the same channel within the window; it is counted then. */
  isRepeat(route: Route, mid: string | undefined): boolean {
    const { settings, channels, clock } = this.#parts
    const { enabled, windowMs } = settings.queue.defaults.deduplication
    if (!enabled || mid === undefined || route.receivers.queue !== undefined) return false
    const channel = channels.owner(route.tokens)
    // No channel has a space in its name.
    if (channel === undefined || !this.#ids.isRepeat(`${channel.name} ${mid}`, clock.monotonicMs(), windowMs)) return false
    route.receivers.account.duplicates++
    return true
  }
}
