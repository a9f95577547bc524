// How a story about every store is told, and what a store may lack.

import type { ExecutionContext } from 'ava'
import { QueueRig, type Overrides, type StoreWorld, type Taken } from '../../support/queue-rig.ts'

/** What a store may lack; stories that need it are left out by its name. docs/queues.md says which store lacks what. */
export type StorePart =
  | 'restart' // what is kept survives that the store is closed
  | 'forward' // StoredQueue.forward
  | 'removal' // QueueStore.remove, where the server of the tests cannot
  | 'sharing' // two stores have one queue open
  | 'attempts over restarts' // exact ones, also of what was fetched and not delivered
  | 'history over restarts' // what attempts before it failed with, in a dead letter
  | 'expiry after restart' // of what was stored before it, though nobody asks for messages
  | 'ids of settled messages over restarts' // a repeat is a duplicate though its message is gone

export interface StoreSubject {
  readonly name: string
  /** Declares a test, or one that is left out where its server is not installed. */
  readonly declare: (title: string, run: (t: ExecutionContext) => Promise<void>) => void
  /** `restarts`: the store is closed and opened again on the way, so others cannot have it open. */
  readonly world: (t: ExecutionContext, restarts: boolean) => Promise<StoreWorld>
  readonly lacks: readonly StorePart[]
  /** Runs of the random stories, whose every command costs the store a round trip. */
  readonly runs: number
}

/** Declares one story; it is left out where the store lacks what it `needs`. */
export type Story = (title: string, run: (t: ExecutionContext, world: StoreWorld) => Promise<void>, ...needs: readonly StorePart[]) => void

/** A story with one queue of these settings. */
export function withQueue(story: Story, title: string, overrides: Overrides, run: (t: ExecutionContext, rig: QueueRig) => Promise<void>, ...needs: readonly StorePart[]): void {
  story(title, async (t, world) => run(t, await QueueRig.open(t, world, overrides)), ...needs)
}

/** One more queue of the same world, for stories that try again. */
export const anotherQueue = (t: ExecutionContext, world: StoreWorld, name: string, overrides: Overrides = {}): Promise<QueueRig> =>
  QueueRig.open(t, { open: broker => world.open(broker), queue: `${world.queue}-${name}` }, overrides)

/** Texts of as many messages: m0, m1 and so on. */
export const upTo = (count: number): string[] => Array.from({ length: count }, (_, i) => `m${i}`)

/** Texts with the attempt, in order of text. */
export const attempted = (messages: readonly Taken[]): string[] => messages.map(({ text, attempt }) => `${text} #${attempt}`).toSorted()
