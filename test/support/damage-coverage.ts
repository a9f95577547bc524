// Whether what was told of damage accounts for one message that is gone. A damage that names places accounts for those alone.

import type { Damage } from '../../broker/ground/store.ts'

/** Ranges as problems name them: "messages from 3 to 9 cannot be read", "from 3 on", "messages 3 to 9 were stored and are missing". */
const RANGE = /^(?:messages|dead letters) (?:from )?(\d+)(?: to (\d+)| on)\b/
/** Damage of no queue after which nobody can say what is gone: the rest of it says nothing of messages. */
const OF_ALL = /missing|cannot be (?:read|opened|told)|table of queues|store\.\w+|^queues: /

/** True when a message of `queue` at `position` may be gone according to one of these. */
export function isCovered(damages: readonly Damage[], queue: string, position: number): boolean {
  return damages.some(damage => {
    if (damage.queue === '') return OF_ALL.test(damage.problem)
    if (damage.queue !== queue) return false
    const range = RANGE.exec(damage.problem)
    if (range !== null) return position >= Number(range[1]) && position <= Number(range[2] ?? Infinity)
    return damage.position === undefined || damage.position === position
  })
}
