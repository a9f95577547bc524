// A client whose application has messages of a queue and has not settled them.

import type { Clock } from '../../broker/ground/clock.ts'
import type { ConnectOptions, ConsumeOptions, Consumer, QueuedMessage } from '../../client/index.ts'
import { scriptedClient, type ScriptedPair } from './scripted-client.ts'
import { ScriptedQueue } from './scripted-queue.ts'
import type { Teardown } from './temporary-directory.ts'
import { until } from './until.ts'

export interface HeldMessages extends ScriptedPair {
  readonly consumer: Consumer<number>
  readonly queue: ScriptedQueue
  /** On lease to the application, positions 1 and up. */
  readonly messages: readonly QueuedMessage<number>[]
}

export interface HeldOptions {
  readonly consume?: ConsumeOptions<number>
  readonly connect?: ConnectOptions
  /** Members of the welcome. */
  readonly welcome?: object
  readonly ackWaitMs?: number
  /** Of the client. default: the system's */
  readonly clock?: Clock
}

/** What a welcome says when the session outlives its connection. */
export const GRANT = { session: 'ab'.repeat(16), secret: 'a-secret', sessionTtlMs: 60_000 }

/** `count` messages; what comes later joins them. No more than that are asked for at a time. */
export async function heldMessages(t: Teardown, count: number, { consume, connect, welcome, ackWaitMs, clock }: HeldOptions = {}): Promise<HeldMessages> {
  const pair = await scriptedClient(t, connect, welcome, clock)
  const messages: QueuedMessage<number>[] = []
  const consumer = pair.client.consume('jobs', { manual: true, concurrency: count, maxInFlight: count, onMessage: message => void messages.push(message), ...consume })
  const queue = await ScriptedQueue.announced(pair.peer, ackWaitMs)
  if ((await queue.pulled()) !== count) throw new Error('it asked for another number')
  for (let position = 1; position <= count; position++) queue.lease(position, position)
  await until(() => messages.length === count)
  return { ...pair, consumer, queue, messages }
}
