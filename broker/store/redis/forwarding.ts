// One message becomes others, of this queue and of its siblings, in one call of the script: all of it happens, or nothing.

import { BrokerError } from '../../ground/errors.ts'
import type { Append, Forward, SettleOutcome } from '../../ground/store.ts'
import type { Event, Run } from './answers.ts'
import { addAppend, tellAppends, type AppendCall } from './asks.ts'
import type { Argument } from './redis-link.ts'

/** A queue as the other end of a forward. */
export interface ForwardTarget {
  readonly key: string
  readonly settingsText: string
  /** Why it cannot take that now. */
  refusal(append: Append): BrokerError | undefined
  /** How it refuses when it is full. */
  full(): BrokerError
  /** Messages were appended, and this happened. */
  appended(events: readonly Event[]): void
}

/** What the script is to do; or why nothing can be done. */
export interface ForwardCall {
  readonly args: readonly Argument[]
  readonly targets: readonly { readonly target: ForwardTarget; readonly call: Pick<AppendCall, 'parts'> }[]
}

export function forwardCall({ position, attempt, to }: Forward, owner: string, find: (name: string) => ForwardTarget | undefined): ForwardCall | BrokerError {
  const args: Argument[] = [owner, position, attempt, to.length]
  const targets: { target: ForwardTarget; call: Pick<AppendCall, 'parts'> }[] = []
  for (const { queue, append } of to) {
    const target = find(queue)
    if (target === undefined) return new BrokerError('channel.not_found', { channel: queue })
    const refusal = target.refusal(append)
    if (refusal !== undefined) return refusal
    const calls: AppendCall[] = []
    addAppend(calls, append)
    args.push(target.key, target.settingsText, append.count, ...calls.flatMap((call) => call.args))
    targets.push({ target, call: { parts: [{ append, count: append.count }] } })
  }
  return { args, targets }
}

/** Tells everybody what the script answered. */
export function tellForward({ position, to }: Forward, queue: string, { targets }: ForwardCall, answer: unknown): SettleOutcome {
  const [what, detail] = answer as [Buffer, unknown]
  if (what.toString() === 'full') return refuseForward(to, targets[(detail as number) - 1]!.target.full())
  if (what.toString() === 'lost') {
    refuseForward(to, new BrokerError('queue.lease_lost', { position, queue }))
    return { lost: [position] }
  }
  for (const [at, [runs, events]] of (detail as [Run[], Event[]][]).entries()) {
    const { target, call } = targets[at]!
    tellAppends(call, runs, () => target.full())
    target.appended(events)
  }
  return { lost: [] }
}

export function refuseForward(to: Forward['to'], error: BrokerError): SettleOutcome {
  for (const { append } of to) append.watch.refused(append.count, error)
  return { lost: [], error }
}
