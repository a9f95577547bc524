// A process of its own that uses an embedded store as hard as it can, and says at each step what it is about to do and what it was told: for
// whoever watches its system calls. Each word is one write to descriptor 1, in order with the calls of the store's thread.
// Usage: node store-program.ts DIRECTORY SEED MESSAGES LARGEST; `messages` in each of its lives, in which it opens and closes the store.

import { writeSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
import { defaultStore, type QueueSettings } from '../../broker/ground/store-settings.ts'
import { defaultSettings } from '../../broker/ground/settings.ts'
import type { Append, Leased, StoredQueue } from '../../broker/ground/store.ts'
import { openEmbedded } from '../../broker/store/embedded/open.ts'
import { decodeFrame, encodeFrame } from '../../broker/wire/frame.ts'
import { Kind } from '../../broker/wire/layout.ts'
import { QueueHistory, type Delivered, type Verdict } from './queue-history.ts'
import { recordedLog } from './recorded-log.ts'
import { seededRandom, type Random } from './seeded-random.ts'

export const path = import.meta.filename
const maxAttempts = 4
const { queue } = defaultSettings
export const programQueue: QueueSettings = {
  ...queue.defaults,
  retry: { ...queue.defaults.retry, maxAttempts, initialDelayMs: 1, maxDelayMs: 5 },
  deduplication: { enabled: true, windowMs: 3_600_000, storage: 'persistent' },
  ordering: { ...queue.defaults.ordering, enabled: true, guarantee: 'per_session', timeoutMs: 300_000 },
}

/** What the program says, in the words of QueueHistory; `queue` is j (jobs) or d (done). */
export type Word =
  | readonly [queue: 'j' | 'd', 'publishing', id: string, session: string | null | undefined]
  | readonly [queue: 'j' | 'd', 'stored', id: string, position: number]
  | readonly [queue: 'j' | 'd', 'delivered', id: string, position: number, attempt: number]
  | readonly [queue: 'j' | 'd', 'settling', position: number, attempt: number, verdict: Verdict]
  | readonly [queue: 'j' | 'd', 'settled', position: number, attempt: number, answer: 'confirmed' | 'lost']

/** The histories of both queues that those words tell. */
export function readWords(words: readonly Word[]): Readonly<Record<'j' | 'd', QueueHistory>> {
  const histories = { j: new QueueHistory(maxAttempts), d: new QueueHistory(maxAttempts) }
  const deliveries = new Map<string, Delivered>()
  for (const word of words) {
    const history = histories[word[0]]
    const find = (position: number, attempt: number): Delivered => deliveries.get(`${word[0]} ${position} ${attempt}`)!
    // JSON has null where a session is missing.
    if (word[1] === 'publishing') history.publishing(word[2], word[3] ?? undefined)
    else if (word[1] === 'stored') history.stored(word[2], word[3])
    else if (word[1] === 'delivered') deliveries.set(`${word[0]} ${word[3]} ${word[4]}`, history.delivered(word[3], word[4], word[2], true))
    else if (word[1] === 'settling') history.settling(find(word[2], word[3]), word[4])
    else history.settled(find(word[2], word[3]), word[4])
  }
  return histories
}

function say(...word: Word): void {
  writeSync(1, `${JSON.stringify(word)}\n`)
}

/** One life: opens the store, publishes and handles, and closes it. */
async function live(directory: string, random: Random, life: number, messages: number, largest: number): Promise<void> {
  const log = recordedLog()
  let isClosing = false
  const store = await openEmbedded({ settings: defaultStore, directory, log, broker: 'b1' })
  const handle = (name: 'j' | 'd') => (leased: readonly Leased[]): void => {
    for (const each of leased) settle(name, each)
    queues[name].demand(leased.length)
  }
  const listener = (name: 'j' | 'd') => ({ leased: handle(name), happened: () => {}, stateChanged: () => {} })
  const queues: Record<'j' | 'd', StoredQueue> = {
    j: await store.open('jobs', programQueue, listener('j')),
    d: await store.open('done', { ...programQueue, ordering: { ...programQueue.ordering, enabled: false } }, listener('d')),
  }

  function settle(name: 'j' | 'd', { position, attempt, frame }: Leased): void {
    const id = String(decodeFrame(frame, 0, frame.length).headers!['id'])
    say(name, 'delivered', id, position, attempt)
    // One in eight is left to the next life, or to the loss of power; so is what comes while the store closes, as it refuses forwards.
    if (random.next() < 0.12 || isClosing) return
    const verdict = random.pick<Verdict>(['ack', 'ack', 'ack', 'nak', 'nak', 'term', ...(name === 'j' ? (['forward', 'forward'] as const) : [])])
    const settled = ({ lost, error }: { readonly lost: readonly number[]; readonly error?: Error }): void => {
      if (error === undefined) say(name, 'settled', position, attempt, lost.length > 0 ? 'lost' : 'confirmed')
    }
    if (verdict !== 'forward') {
      say(name, 'settling', position, attempt, verdict)
      queues[name].settle([{ position, attempt, verdict }], settled)
      return
    }
    const copy = `${id}-done`
    say('d', 'publishing', copy, undefined)
    say(name, 'settling', position, attempt, verdict)
    queues.j.forward!({ position, attempt, to: [{ queue: 'done', append: { ...appendOf(copy, undefined, 40, () => {}), messageId: undefined } }] }, settled)
  }

  for (const name of ['j', 'd'] as const) queues[name].demand(20)
  await Promise.all([1, 2, 3].map(async producer => {
    for (let n = 1; n <= messages / 3; n++) {
      const id = `l${life}-p${producer}-${n}`
      const session = random.pick([undefined, 's1', 's2', 's3', 's4'])
      say('j', 'publishing', id, session)
      await new Promise<void>(resolve => {
        queues.j.append(appendOf(id, session, random.between(20, largest), position => {
          say('j', 'stored', id, position)
          resolve()
        }))
      })
    }
  }))
  isClosing = true
  await store.close()
}

/** A message of that id and size; `stored` is told where it stands. */
export function appendOf(id: string, session: string | undefined, size: number, stored: (position: number, isDuplicate: boolean) => void): Append {
  const bytes = encodeFrame({ kind: Kind.publish, id: 1, subject: 'jobs', headers: { id }, payload: Buffer.alloc(size, `${id} `) })
  return {
    bytes, start: 0, end: bytes.length, count: 1, messageId: id, session, sequence: 0, dueAtMs: 0, expiresAtMs: 0, durability: 'fsync',
    watch: {
      stored: (position, _count, isDuplicate) => stored(position, isDuplicate),
      dropped: () => {},
      refused: (_count, error) => {
        throw error
      },
    },
  }
}

if (isMainThread && process.argv[1] === path) {
  const [directory, seed, messages, largest] = process.argv.slice(2) as [string, string, string, string]
  const random = seededRandom(Number(seed))
  for (const life of [1, 2]) await live(directory, random, life, Number(messages), Number(largest))
}
