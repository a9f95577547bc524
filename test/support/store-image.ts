// A store with a known content, as files: what a process leaves that ends from one moment to the next. For tests that damage them.

import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { ExecutionContext } from 'ava'
import type { KeySource } from '../../broker/ground/store-settings.ts'
import { defaultStore } from '../../broker/ground/store-settings.ts'
import type { Log } from '../../broker/ground/types.ts'
import { openEmbedded } from '../../broker/store/embedded/open.ts'
import { QueueRig, type Overrides, type StoreWorld } from './queue-rig.ts'
import { recordedLog } from './recorded-log.ts'
import { until } from './until.ts'

export interface StoreImage {
  /** Files of a store that was cut off: database, log, mark. */
  readonly directory: string
  /** Texts by position. */
  readonly waiting: ReadonlyMap<number, string>
  readonly dead: ReadonlyMap<number, string>
  /** Settled for good: they may not come back. */
  readonly settled: ReadonlySet<string>
}

/** The embedded store in a directory, as a broker opens it. */
export function embeddedWorld(directory: string, { queue = 'jobs', keys, log = recordedLog() }: { queue?: string; keys?: readonly KeySource[]; log?: Log } = {}): StoreWorld {
  const embedded = { path: undefined, encryption: keys && { keys }, checkAtStart: false }
  return { queue, open: () => openEmbedded({ settings: { ...defaultStore, embedded }, directory, log, broker: 'abcdefabcdef', onFailed: () => {} }) }
}

// A machine with too much to do takes longer than the usual ack wait.
export const imageSettings: Overrides = { durability: 'os', ackWaitMs: 600_000, deduplication: { enabled: true }, deadLetter: { enabled: true, maxAgeMs: 0 } }

/** Some 200 messages of all kinds: short and long ones, delayed, with ids and sessions, dead letters, gaps where messages were settled. */
export async function makeImage(t: ExecutionContext, home: string, keys?: readonly KeySource[]): Promise<StoreImage> {
  const living = join(home, 'living')
  const rig = await QueueRig.open(t, embeddedWorld(living, { ...(keys && { keys }) }), imageSettings)
  const [waiting, dead, settled] = [new Map<number, string>(), new Map<number, string>(), new Set<string>()]
  const keep = async (texts: readonly string[], options: Parameters<QueueRig['append']>[1] = {}): Promise<void> => {
    const positions = await rig.stored(texts, options)
    for (const [index, text] of texts.entries()) waiting.set(positions[index]!, text)
  }
  const named = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`)
  await keep(named('plain', 100), { padding: 150 })
  for (const text of named('own', 10)) await keep([text], { messageId: `id-${text}`, session: `session-${text}` })
  await keep(named('long', 5), { padding: 20_000 })
  await keep(named('late', 20), { dueAtMs: Date.now() + 3_600_000 })
  // What came until here is in the database, the rest in its log.
  const sql = new DatabaseSync(join(living, 'queues.db'))
  // The store's own thread may be at it.
  const restart = sql.prepare('PRAGMA wal_checkpoint(RESTART)')
  await until(() => restart.get()!['busy'] === 0)
  sql.close()
  const taken = await rig.take(30)
  const [termed, acked, failed] = [0, 1, 2].map(rest => taken.filter((_, index) => index % 3 === rest))
  await rig.does('term', termed!, { reason: 'never' })
  await rig.does('ack', acked!)
  await rig.does('nak', failed!, { delayMs: 3_600_000, reason: 'not now' })
  for (const { text } of acked!) settled.add(text)
  for (const { position, text } of termed!) dead.set(position, text)
  for (const { position } of [...termed!, ...acked!]) waiting.delete(position)
  await keep(named('last', 60), { padding: 100 })
  const directory = join(home, 'image')
  mkdirSync(directory)
  cpSync(living, directory, { recursive: true, filter: source => !source.endsWith('.lock') && !source.endsWith('.pid') })
  await rig.store.close()
  return { directory, waiting, dead, settled }
}
