// A program that uses an embedded store until a fail point ends it, and writes down what it was told, as it is told. Run with: directory, file.
//
//   jobs: every message is acked, nacked, termed, forwarded to `next`, released or left on lease, by its position
//   stored P text │ leased P attempt text │ settling P verdict │ settled P verdict

import { openSync, writeSync } from 'node:fs'
import { defaultStore } from '../../broker/ground/store-settings.ts'
import type { Leased, QueueListener, StoredQueue } from '../../broker/ground/store.ts'
import { openEmbedded } from '../../broker/store/embedded/open.ts'
import { appendOf, queueSettings, textOf } from './queue-rig.ts'
import { recordedLog } from './recorded-log.ts'

const diary = openSync(process.argv[3]!, 'a')
const say = (...words: readonly unknown[]): void => void writeSync(diary, `${words.join(' ')}\n`)

const settings = queueSettings({ durability: 'fsync', ackWaitMs: 600_000, retry: { maxAttempts: 2 } })
const store = await openEmbedded({ settings: defaultStore, directory: process.argv[2]!, log: recordedLog(), broker: 'b1' })
const quiet: QueueListener = { leased() {}, happened() {}, stateChanged() {} }
const next = await store.open('next', settings, quiet)
const jobs: StoredQueue = await store.open('jobs', settings, { ...quiet, leased: (messages) => messages.forEach(work) })

function append(count: number, from: number): void {
  const texts = Array.from({ length: count }, (_, i) => `m${from + i}`)
  jobs.append(appendOf(texts, {}, (fates) => {
    told += count
    fates.forEach((fate, i) => say('stored', 'position' in fate ? fate.position : 0, texts[i]))
  }, 'fsync'))
}

function work(message: Leased): void {
  const { position, attempt, frame } = message
  const text = textOf(frame)
  say('leased', position, attempt, text)
  jobs.demand(1)
  const verdict = (['ack', 'nak', 'term', 'forward', 'release', 'keep'] as const)[position % 6]!
  if (verdict === 'keep' || (verdict === 'release' && attempt > 1)) return
  say('settling', position, verdict)
  const done = ({ lost, error }: { readonly lost: readonly number[]; readonly error?: Error }): void => {
    if (lost.length === 0 && error === undefined) say('settled', position, verdict)
  }
  if (verdict === 'forward') jobs.forward!({ position, attempt, to: [{ queue: next.name, append: appendOf([`next of ${text}`], {}, () => {}, 'fsync') }] }, done)
  else jobs.settle([{ position, attempt, verdict, delayMs: verdict === 'nak' ? 0 : undefined }], done)
}

jobs.demand(20)
// Never far ahead of the store, however slow the machine is: a place is come to after many transactions, not in the first.
let last = 0
let told = 0
const timer = setInterval(() => {
  for (let i = 0; i < 3 && last - told < 8; i++) append(2, (last += 2))
}, 1)
// Whoever is not ended by then has named a place that nothing comes by.
setTimeout(() => {
  clearInterval(timer)
  say('survived')
  process.exit(1)
}, 90_000)
