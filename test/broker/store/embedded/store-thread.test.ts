// The thread of a store that dies, and one that cannot begin.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test from 'ava'
import type { BrokerError } from '../../../../broker/ground/errors.ts'
import { defaultStore } from '../../../../broker/ground/store-settings.ts'
import type { Leased, QueueListener } from '../../../../broker/ground/store.ts'
import { openEmbedded } from '../../../../broker/store/embedded/open.ts'
import { StoreThread } from '../../../../broker/store/embedded/store-thread.ts'
import { appendOf, QueueRig, queueSettings, textOf, type Fate } from '../../../support/queue-rig.ts'
import { recordedLog } from '../../../support/recorded-log.ts'
import { embeddedWorld } from '../../../support/store-image.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const quiet: QueueListener = { leased() {}, happened() {}, stateChanged() {} }

test('store thread: when it dies, whoever waits is told that nobody knows, once, and the next thread has what was told', async (t) => {
  const directory = temporaryDirectory(t)
  const died: BrokerError[] = []
  const begin = (): StoreThread => new StoreThread({ backend: 'embedded', directory, settings: defaultStore.embedded }, recordedLog(), { damaged() {}, stateChanged() {}, died: (error) => died.push(error) })
  const append = (thread: StoreThread, queue: number, text: string): Promise<Fate[]> => new Promise((resolve) => thread.append(queue, appendOf([text], {}, resolve, 'fsync')))
  const thread = begin()
  await thread.started
  const { queue } = await thread.open('jobs', queueSettings(), quiet)
  t.deepEqual(await append(thread, queue, 'a'), [{ position: 1, isDuplicate: false }])
  // It can do nothing of what comes now before it is ended.
  const writer = new DatabaseSync(join(directory, 'queues.db'))
  writer.exec('BEGIN IMMEDIATE')
  const waiting = append(thread, queue, 'b')
  const settling = new Promise<string | undefined>((resolve) => thread.settle(queue, [], 'fsync', ({ error }) => resolve(error?.code)))
  const asked = thread.call('counts', { queue })
  const killed = thread.kill()
  writer.close()
  await killed
  t.deepEqual([await waiting, await settling], [[{ refused: 'store.unavailable' }], 'store.unavailable'])
  await t.throwsAsync(asked, { code: 'store.failed' })
  t.deepEqual(died.map(({ code }) => code), ['store.failed'])
  t.deepEqual(await append(thread, queue, 'c'), [{ refused: 'store.failed' }])
  await thread.end()

  const next = begin()
  await next.started
  const again = await next.open('jobs', queueSettings(), quiet)
  const { stored, ready } = await next.call('counts', { queue: again.queue })
  t.true(stored === ready && (stored === 1 || stored === 2), `${stored} stored, ${ready} ready`)
  await next.end()
  t.is(died.length, 1)
})

test('store thread: two do not have a store at a time, and what is no database is not opened', async (t) => {
  const directory = temporaryDirectory(t)
  const open = (path: string): ReturnType<typeof openEmbedded> => openEmbedded({ settings: defaultStore, directory: path, log: recordedLog(), broker: 'b1' })
  const store = await open(directory)
  await t.throwsAsync(open(directory), { code: 'store.in_use' })
  await store.close()
  await (await open(directory)).close()
  const other = join(directory, 'other')
  mkdirSync(other)
  writeFileSync(join(other, 'queues.db'), 'this is no database, and nobody shall write over it')
  await t.throwsAsync(open(other), { code: 'store.failed', message: /damaged/ })
})

test('store: its thread says nothing of SQLite being new in Node', async (t) => {
  // What a thread prints goes to the process that has it.
  const written: string[] = []
  const write = process.stderr.write.bind(process.stderr)
  process.stderr.write = (text: string | Uint8Array) => written.push(String(text)) > 0
  try {
    const store = await openEmbedded({ settings: { ...defaultStore, backend: 'memory' }, directory: '', log: recordedLog(), broker: 'b1' })
    await store.close()
  } finally {
    process.stderr.write = write
  }
  t.deepEqual(written.filter((line) => line.includes('SQLite')), [])
})

test('store thread: a queue that is being closed leases nothing any more, and what it had on its way is ready for the next one', async (t) => {
  const rig = await QueueRig.open(t, embeddedWorld(join(temporaryDirectory(t), 'store')), { durability: 'os' })
  await rig.stored(['a', 'b', 'c'])
  rig.queue.demand(3)
  // Behind the demand: the thread leases before it closes.
  await rig.queue.close()
  t.deepEqual(rig.leases, [])
  await rig.reopen()
  const taken = await rig.take(3)
  t.deepEqual(taken.map(({ text }) => text), ['a', 'b', 'c'])
})

test('store thread: memory in which messages came is used again, or given back, as soon as whoever gets them has read them', async (t) => {
  const thread = new StoreThread({ backend: 'memory', directory: undefined, settings: defaultStore.embedded }, recordedLog(), { damaged() {}, stateChanged() {}, died() {} })
  t.teardown(() => thread.end())
  await thread.started
  const seen: { readonly message: Leased; readonly text: string }[] = []
  let news = Promise.withResolvers<void>()
  const { queue } = await thread.open('jobs', queueSettings(), {
    ...quiet,
    leased: ([message]) => {
      seen.push({ message: message!, text: textOf(message!.frame) })
      news.resolve()
    },
  })
  const append = (text: string): Promise<Fate[]> => new Promise((resolve) => thread.append(queue, appendOf([text], {}, resolve, 'memory')))
  const demand = async (): Promise<void> => {
    thread.demand(queue, 1)
    await news.promise
    news = Promise.withResolvers()
  }

  // Out of the database, in the memory of the answers.
  await append('waited')
  await demand()
  // Handed over in the memory of the batch that it came in.
  thread.demand(queue, 1)
  await append('came')
  await news.promise
  // Its memory takes the next batch, and goes to the thread with it.
  await append('another')

  t.deepEqual(seen.map(({ text, message }) => [text, message.frame.length]), [['waited', 0], ['came', 0]])
})
