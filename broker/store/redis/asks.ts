// What is collected in one turn of the event loop and asked of Redis as few calls: appends of many publishers, settlements of many consumers.

import type { BrokerError } from '../../ground/errors.ts'
import type { Append, Settlement, SettleOutcome } from '../../ground/store.ts'
import { retryDelayMs } from '../policy/retry-schedule.ts'
import type { RetrySchedule } from '../../ground/store-settings.ts'
import { frameEnd } from '../../wire/regroup.ts'
import { aboutText, type Run } from './answers.ts'
import type { Argument } from './redis-link.ts'

/** Messages and bytes of one call: so long others wait for the server, and so much it holds twice. */
const CALL_MESSAGES = 1000
const CALL_BYTES = 4 * 1024 * 1024

/** Messages of one append that are asked for in one call. */
interface Part {
  readonly append: Append
  readonly count: number
}

/** One call: pairs of frame and text for the script, and whose they are. */
export interface AppendCall {
  readonly args: Argument[]
  readonly parts: Part[]
  count: number
  bytes: number
}

/** Adds the messages of an append, in bytes of their own, to the last of the calls, and to new ones behind it. */
export function addAppend(calls: AppendCall[], append: Append): void {
  const { start, end, count } = append
  const bytes = Buffer.from(append.bytes.subarray(start, end))
  const about = aboutText(append)
  let left = count
  for (let at = 0; left > 0; ) {
    let call = calls.at(-1)
    if (call === undefined || call.count >= CALL_MESSAGES || call.bytes >= CALL_BYTES) calls.push((call = { args: [], parts: [], count: 0, bytes: 0 }))
    let taken = 0
    while (taken < left && call.count < CALL_MESSAGES && call.bytes < CALL_BYTES) {
      const next = frameEnd(bytes, at)
      call.args.push(bytes.subarray(at, next), about)
      call.count++
      call.bytes += next - at
      at = next
      taken++
    }
    call.parts.push({ append, count: taken })
    left -= taken
  }
}

/** Tells the publishers of a call what became of their messages; `full`: how those are refused that there is no room for, undefined: they are dropped. */
export function tellAppends({ parts }: Pick<AppendCall, 'parts'>, runs: readonly Run[], full: (() => BrokerError) | undefined): void {
  let [at, used] = [0, 0]
  for (const { append: { watch }, count } of parts) {
    for (let left = count; left > 0; ) {
      const [first, length] = runs[at]!
      const taken = Math.min(left, length - used)
      if (first > 0) watch.stored(first + used, taken, false)
      else if (first < 0) watch.stored(-first, taken, true)
      else if (full === undefined) watch.dropped(taken)
      else watch.refused(taken, full())
      left -= taken
      used += taken
      if (used < length) continue
      at++
      used = 0
    }
  }
}

/** One call of `settle` by the user of the queue. */
export interface SettleAsk {
  readonly settlements: readonly Settlement[]
  readonly done: ((outcome: SettleOutcome) => void) | undefined
}

/** What a call of `settle` asked: whose each settlement is, by its place among the arguments. */
type SettlePlaces = readonly { readonly ask: SettleAsk; readonly settlement: Settlement }[]

/** Tells everybody what was lost, by places from 1. */
export function tellSettled(asks: readonly SettleAsk[], places: SettlePlaces, lost: ReadonlySet<number>): void {
  const lostOf = new Map<SettleAsk, number[]>(asks.map((ask) => [ask, []]))
  for (const place of lost) lostOf.get(places[place - 1]!.ask)!.push(places[place - 1]!.settlement.position)
  for (const ask of asks) ask.done?.({ lost: lostOf.get(ask)! })
}

/** Arguments of the script behind its settings and owner, and whose each settlement is, by its place there. */
export function settleArguments(asks: readonly SettleAsk[], retry: RetrySchedule): { args: Argument[]; places: SettlePlaces } {
  const acks: { ask: SettleAsk; settlement: Settlement }[] = []
  const others: { ask: SettleAsk; settlement: Settlement }[] = []
  for (const ask of asks) for (const settlement of ask.settlements) (settlement.verdict === 'ack' ? acks : others).push({ ask, settlement })
  const args: Argument[] = [acks.length]
  for (const { settlement: { position, attempt } } of acks) args.push(position, attempt)
  for (const { settlement: { verdict, position, attempt, delayMs, reason = '' } } of others) args.push(verdict, position, attempt, verdict === 'nak' ? Math.ceil(delayMs ?? retryDelayMs(retry, attempt)) : 0, reason)
  return { args, places: [...acks, ...others] }
}
