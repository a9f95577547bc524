// The last messages that some connections handled, out of the flight recorder: for the crash report of whoever was behind them.

import type { Core } from './core.ts'
import type { HandledMessage } from './ground/crash.ts'
import { Kind, kindName } from './ground/kind.ts'
import { Fates } from './observe/fates.ts'
import type { RecordedRun } from './observe/recorder.ts'

/** Runs that are looked at, the latest first: about a millisecond. What is older did not happen at the end. */
const MAX_LOOKED_AT = 20_000

/**
 * What was last delivered to the connections with these numbers, and what they sent: at most `limit` runs, oldest first. The
 * connections may be gone.
 */
export function lastMessages(core: Core, numbers: readonly number[], limit: number): HandledMessage[] {
  if (numbers.length === 0) return []
  const { recorder } = core
  const own = new Set(numbers)
  const fates = new Fates(recorder, core.departures, (number) => core.directory.number(number), (number) => core.queues.receiver(number))
  const answered = new Set<string>()
  const receiverOf = memoisedReceiver(core, own)
  const found: HandledMessage[] = []
  const oldest = Math.max(recorder.oldest, recorder.next - MAX_LOOKED_AT)
  // Backwards: an answer is met before its request.
  for (let seq = recorder.next - 1; seq >= oldest && found.length < limit; seq--) {
    const isOwn = own.has(recorder.originOf(seq))
    const receiver = receiverOf(recorder.targetOf(seq))
    if (!isOwn && receiver === undefined) continue
    const run = recorder.at(seq)!
    if (isOwn) {
      if (run.kind === Kind.response || run.kind === Kind.error) answered.add(`${run.to}.${run.ref}`)
      found.push({ ...shown(core, run), direction: 'out', fate: fates.summary(run, fates.of(run)) })
    } else {
      const fate = fates.of(run)?.find((delivery) => delivery.receiver === receiver)?.fate ?? 'unknown'
      const isUnanswered = run.kind === Kind.request && !answered.has(`${run.origin}.${run.firstId}`)
      found.push({ ...shown(core, run), direction: 'in', sender: core.directory.nameOf(run.origin), fate, ...(isUnanswered && { unanswered: true as const }) })
    }
  }
  return found.reverse()
}

function shown({ broker, incarnation }: Core, { origin, firstId, count, mid, timeMicros, kind, subject }: RecordedRun): Omit<HandledMessage, 'direction' | 'fate'> {
  return {
    id: `${broker}.${incarnation}.${origin}.${firstId + count - 1}`,
    ...(mid === undefined ? {} : { mid }),
    time: Math.floor(timeMicros / 1000),
    kind: kindName(kind),
    subject,
    ...(count > 1 && { count }),
  }
}

// Many runs go to the same receivers: these are looked through once.
function memoisedReceiver({ recorder }: Core, own: ReadonlySet<number>): (target: number) => number | undefined {
  const known = new Map<number, number | undefined>()
  return (target) => {
    if (target >= 0) return own.has(target) ? target : undefined
    if (!known.has(target)) known.set(target, recorder.snapshots.get(-target)?.find((number) => own.has(number)))
    return known.get(target)
  }
}
