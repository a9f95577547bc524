// A real disk that is full, or read-only: publishers are told by name, nothing that was acknowledged is lost, and it goes on by itself.

import { statSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ImplementationFn } from 'ava'
import { BrokerError } from '../../../../broker/ground/errors.ts'
import { backupStore } from '../../../../broker/store/embedded/backup.ts'
import { verifyStore } from '../../../../broker/store/embedded/verify.ts'
import { appendOf, QueueRig, type Fate } from '../../../support/queue-rig.ts'
import { mayMount, smallDisk } from '../../../support/small-disk.ts'
import { embeddedWorld } from '../../../support/store-image.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const MIB = 1024 * 1024
const isAllowed = mayMount()
const onDisk = (title: string, story: ImplementationFn<[]>): void => (isAllowed ? test(title, story) : test.skip(`${title} (needs the right to mount a file system)`, story))
const ignore = (): void => {}

onDisk('full disk: what is acknowledged is kept, the rest is refused by name, and it goes on when there is space', async t => {
  const disk = smallDisk(t, 8 * MIB)
  const directory = join(disk.path, 'store')
  const rig = await QueueRig.open(t, embeddedWorld(directory), { durability: 'fsync' })
  const kept = await rig.stored(Array.from({ length: 50 }, (_, i) => `before${i}`), { padding: 1000 })
  disk.fill(256 * 1024)
  const fates = await Promise.all(Array.from({ length: 40 }, (_, i) => rig.append(`during${i}`, { padding: 50_000 })))
  const refused = fates.flat().filter(fate => 'refused' in fate)
  t.true(refused.length > 0)
  t.deepEqual([...new Set(refused.map(fate => fate.refused))], ['store.no_space'])
  t.is(rig.problems[0]?.code, 'store.no_space')
  disk.empty()
  await rig.when(() => rig.problems.at(-1) === undefined && rig.problems.length > 0)
  const [after] = await rig.stored('after')
  const stored = [...kept, ...fates.flat().flatMap(fate => ('position' in fate ? [fate.position] : [])), after!]
  t.is(new Set(stored).size, stored.length, 'no position was given twice')
  await rig.reopen()
  const taken = await rig.take(stored.length)
  t.deepEqual(taken.map(({ position }) => position), stored)
  await rig.does('ack', taken)
  t.deepEqual((await verifyStore({ directory }, ignore)).damages, [])
})

onDisk('full disk: a store that has filled its disk alone is emptied, over a restart, and takes messages again', async t => {
  const disk = smallDisk(t, 5 * MIB)
  const world = embeddedWorld(join(disk.path, 'store'))
  const rig = await QueueRig.open(t, world, { durability: 'fsync' })
  const stored: number[] = []
  for (let fates: readonly Fate[] = []; !fates.some(fate => 'refused' in fate); ) {
    fates = (await Promise.all(Array.from({ length: 10 }, (_, i) => rig.append(`m${i}`, { padding: 10_000 })))).flat()
    stored.push(...fates.flatMap(fate => ('position' in fate ? [fate.position] : [])))
  }
  t.true(stored.length > 50, `${stored.length} messages fit`)
  t.is(rig.problems[0]?.code, 'store.no_space')
  const first = await rig.take(20)
  await rig.does('ack', first)
  await rig.reopen()
  const rest = await rig.take(stored.length - 30)
  await rig.does('ack', rest)
  t.deepEqual([...first, ...rest].map(({ position }) => position), stored.slice(0, -10))
  t.is(await rig.queue.purge('waiting', 'all'), 10)
  await rig.when(() => rig.problems.length > 0 && rig.problems.at(-1) === undefined)
  await rig.stored(['after'])
  t.deepEqual(await rig.texts('waiting'), ['after'])
})

onDisk('full disk: a store starts on a disk that others have filled to the last byte, and is emptied', async t => {
  const disk = smallDisk(t, 8 * MIB)
  const world = embeddedWorld(join(disk.path, 'store'))
  const rig = await QueueRig.open(t, world, { durability: 'fsync' })
  const stored = await rig.stored(Array.from({ length: 100 }, (_, i) => `m${i}`), { padding: 1000 })
  await rig.store.close()
  disk.fill(0)
  const again = await QueueRig.open(t, world, { durability: 'fsync' })
  t.deepEqual(await again.append('refused'), [{ refused: 'store.no_space' }])
  const taken = await again.take(stored.length)
  await again.does('ack', taken)
  t.deepEqual(taken.map(({ position }) => position), stored)
  disk.empty()
  await again.when(() => again.problems.length > 0 && again.problems.at(-1) === undefined)
  await again.stored(['after'])
})

onDisk('full disk: what expires becomes a dead letter, dead letters are purged, queues removed and messages consumed; a replay happens wholly or is refused', async t => {
  const disk = smallDisk(t, 16 * MIB)
  const world = embeddedWorld(join(disk.path, 'store'))
  const rig = await QueueRig.open(t, world, { durability: 'fsync', deadLetter: { enabled: true, maxAgeMs: 0 } })
  const other = await rig.store.open('other', rig.settings, { leased: ignore, happened: ignore, stateChanged: ignore })
  await new Promise<unknown>(resolve => other.append(appendOf(['theirs'], { padding: 500_000 }, resolve, 'fsync')))
  await other.close()
  const texts = (name: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${name}${i}`)
  await rig.stored(texts('dead', 20), { padding: 500 })
  await rig.does('term', await rig.take(20))
  await rig.stored(texts('plain', 30), { padding: 500 })
  await rig.stored(['replace'])
  disk.fill(0)
  t.deepEqual(await rig.append('no', { padding: 100_000 }), [{ refused: 'store.no_space' }])
  // Its time was over before it could be stored elsewhere: the sweep takes it while the disk is full.
  await rig.queue.change({ ...rig.settings, retentionMs: 1 })
  await rig.when(() => rig.events.filter(({ event, reason }) => event === 'dead-lettered' && reason === 'expired').length === 31)
  await rig.queue.change({ ...rig.settings, retentionMs: 0 })
  await rig.counted({ ready: 0, deadLetters: 51, deadLettered: 51 })

  const replayed = await rig.queue.replay('all').catch((error: unknown) => BrokerError.from(error).code)
  const { ready, deadLetters } = await rig.counts()
  t.deepEqual({ sum: ready + deadLetters, ready }, { sum: 51, ready: typeof replayed === 'number' ? replayed : ready })
  t.true(typeof replayed === 'number' || replayed === 'store.no_space', String(replayed))
  await rig.does('ack', await rig.take(Math.min(ready, 20)))
  await rig.store.remove('other')
  t.deepEqual(await rig.store.names(), ['jobs'])
  t.is((await rig.queue.purge('dead', 'all')) + (await rig.queue.purge('waiting', 'all')), 51 - Math.min(ready, 20))
  await rig.counted({ ready: 0, deadLetters: 0 })
  disk.empty()
  await rig.when(() => rig.problems.length > 0 && rig.problems.at(-1) === undefined)
  await rig.reopen()
  await rig.stored(['after'])
  await rig.does('ack', await rig.take())
  await rig.counted({ ready: 0, deadLetters: 0 })
})

onDisk('full disk: where others take the reserve as well, settlements are refused by name and hold their leases until there is space', async t => {
  const disk = smallDisk(t, 8 * MIB)
  const directory = join(disk.path, 'store')
  const rig = await QueueRig.open(t, embeddedWorld(directory), { durability: 'fsync' })
  const positions = await rig.stored(Array.from({ length: 200 }, (_, i) => `m${i}`), { padding: 2000 })
  const taken = await rig.take(200)
  disk.fill(0)
  t.deepEqual(await rig.append('no', { padding: 500_000 }), [{ refused: 'store.no_space' }])
  // What the reserve gave is taken again and again, until nothing can be written down.
  let left = taken
  let refused: string | undefined
  while (left.length > 0 && refused === undefined) {
    disk.fill(0)
    const { error, lost } = await rig.settle(...left.slice(0, 10).map(({ position, attempt }) => ({ position, attempt, verdict: 'nak' as const, delayMs: 3_600_000, reason: 'x'.repeat(1000) })))
    t.deepEqual(lost, [])
    refused = error?.code
    if (error === undefined) left = left.slice(10)
  }
  t.is(refused, 'store.no_space')
  disk.empty()
  await rig.when(() => rig.problems.length > 0 && rig.problems.at(-1) === undefined)
  await rig.does('ack', left)
  await rig.counted({ acked: left.length, delayed: 200 - left.length, inFlight: 0, ready: 0 })
  await rig.reopen()
  t.deepEqual((await rig.queue.list({ which: 'waiting', after: 0, limit: 1000 })).map(({ position }) => position), positions.filter(position => !left.some(each => each.position === position)))
  t.deepEqual((await verifyStore({ directory }, ignore)).damages, [])
})

onDisk('full disk: a backup that finds no space leaves nothing behind, and says so', async t => {
  const disk = smallDisk(t, 2 * MIB)
  const directory = join(temporaryDirectory(t), 'store')
  const rig = await QueueRig.open(t, embeddedWorld(directory), { durability: 'os' })
  await rig.stored(Array.from({ length: 60 }, (_, i) => `m${i}`), { padding: 60_000 })
  const file = join(disk.path, 'some.backup')
  const error = BrokerError.from(await t.throwsAsync(backupStore({ directory, file, broker: 'b', files: {} }, ignore)))
  t.is(error.code, 'store.no_space')
  t.throws(() => statSync(file), { code: 'ENOENT' })
})

onDisk('full disk: a store on a read-only disk does not start, and is as it was when the disk can be written', async t => {
  const disk = smallDisk(t, 8 * MIB)
  const world = embeddedWorld(join(disk.path, 'store'))
  const rig = await QueueRig.open(t, world, { durability: 'fsync' })
  await rig.stored(['a', 'b'])
  await rig.store.close()
  t.true(disk.setReadOnly(true))
  const error = BrokerError.from(await t.throwsAsync(QueueRig.open(t, world, { durability: 'fsync' })))
  t.is(error.code, 'store.failed')
  t.true(disk.setReadOnly(false))
  const again = await QueueRig.open(t, world, { durability: 'fsync' })
  t.deepEqual(await again.texts('waiting'), ['a', 'b'])
})
