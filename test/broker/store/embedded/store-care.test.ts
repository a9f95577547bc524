// Verify, backup, repair and restore of stores that the engine wrote.

import { randomBytes } from 'node:crypto'
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test, { type ExecutionContext } from 'ava'
import { BrokerError } from '../../../../broker/ground/errors.ts'
import { backupStore } from '../../../../broker/store/embedded/backup.ts'
import { checkBackup } from '../../../../broker/store/embedded/backup-file.ts'
import { backupInThread, verifyInThread } from '../../../../broker/store/embedded/maintenance.ts'
import { repairStore, type Repaired } from '../../../../broker/store/embedded/repair.ts'
import { resealStore } from '../../../../broker/store/embedded/reseal.ts'
import { restoreStore } from '../../../../broker/store/embedded/restore.ts'
import { finishSwap } from '../../../../broker/store/embedded/store-files.ts'
import { takeStore } from '../../../../broker/store/embedded/store-lock.ts'
import { verifyStore } from '../../../../broker/store/embedded/verify.ts'
import { readWal } from '../../../../broker/store/embedded/wal-file.ts'
import { QueueRig } from '../../../support/queue-rig.ts'
import { embeddedWorld, imageSettings, makeImage, type StoreImage } from '../../../support/store-image.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const ignore = (): void => {}
const repair = (directory: string, isDryRun = false): Promise<Repaired> => repairStore({ directory, isDryRun, names: ['jobs'] }, ignore)

async function contents(t: ExecutionContext, directory: string): Promise<{ waiting: string[]; dead: string[] }> {
  const rig = await QueueRig.open(t, embeddedWorld(directory), imageSettings)
  try {
    return { waiting: (await rig.texts('waiting')).toSorted(), dead: (await rig.texts('dead')).toSorted() }
  } finally {
    await rig.store.close()
  }
}

const expected = ({ waiting, dead }: StoreImage): { waiting: string[]; dead: string[] } => ({ waiting: [...waiting.values()].toSorted(), dead: [...dead.values()].toSorted() })

/** Changes the files of a store that nobody has open. */
function change(directory: string, sql: string): void {
  const db = new DatabaseSync(join(directory, 'queues.db'))
  db.exec(sql)
  db.close()
}

test('store care: a store that is whole is found whole, in use and after it was cut off', async t => {
  const home = temporaryDirectory(t)
  const image = await makeImage(t, home)
  const report = await verifyStore({ directory: image.directory }, ignore)
  t.deepEqual(report, { checked: image.waiting.size + image.dead.size, damages: [] })
  t.deepEqual(await contents(t, image.directory), expected(image))
  const rig = await QueueRig.open(t, embeddedWorld(image.directory), imageSettings)
  const [taken] = await rig.take()
  t.truthy(taken)
  let told = 0
  const inUse = await verifyInThread({ directory: image.directory }, (done, total) => (told = done / total)).result
  t.deepEqual(inUse.damages, [])
  t.is(told, 1)
})

test('store care: what is damaged is named with queue and position, and repair keeps all the rest', async t => {
  const home = temporaryDirectory(t)
  const image = await makeImage(t, home)
  const [first, second, third, fourth] = [...image.waiting.keys()].slice(50)
  const died = [...image.dead.keys()][0]!
  change(image.directory, `UPDATE waiting_1 SET frame = zeroblob(length(frame)) WHERE position = ${first};
    UPDATE waiting_1 SET due_at = 4102444800000 WHERE position = ${second};
    DELETE FROM waiting_1 WHERE position = ${third};
    UPDATE waiting_1 SET expires_at = 9223372036854775807 WHERE position = ${fourth};
    UPDATE dead_1 SET died_at = 1 WHERE position = ${died}`)
  const { damages } = await verifyStore({ directory: image.directory }, ignore)
  for (const position of [first, second, fourth, died]) t.true(damages.some(damage => damage.queue === 'jobs' && damage.position === position), `${position}`)
  t.true(damages.some(({ queue, problem }) => queue === 'jobs' && problem.includes(`messages that wait: ${image.waiting.size - 1} are there, the queue counted ${image.waiting.size}`)), JSON.stringify(damages))
  const names = (): string[] => readdirSync(image.directory).filter(name => name !== 'queues.lock').toSorted()
  const before = names()
  const dry = await repair(image.directory, true)
  t.deepEqual(names(), before, 'a dry run leaves nothing behind')
  const { waiting, dead } = expected(image)
  t.is(dry.salvaged, waiting.length + dead.length - 3)
  const done = await repair(image.directory)
  t.is(done.salvaged, dry.salvaged)
  t.is(done.begunAnew, 2)
  t.deepEqual((await verifyStore({ directory: image.directory }, ignore)).damages, [])
  const gone = [first, third, fourth].map(position => image.waiting.get(position!)!)
  t.deepEqual(await contents(t, image.directory), { waiting: waiting.filter(text => !gone.includes(text)), dead })
  const quarantined = readFileSync(done.quarantine, 'utf8').trim().split('\n').map(line => JSON.parse(line) as { queue: string; position: number })
  t.true(quarantined.some(row => row.queue === 'jobs' && row.position === first))
  t.true(quarantined.some(row => row.position === fourth))
  t.true(existsSync(join(done.aside, 'queues.db')), 'the old files are kept')
  t.deepEqual(await repair(image.directory), { checked: waiting.length + dead.length - 3, damages: [], salvaged: 0, begunAnew: 0, quarantine: '', aside: '' }, 'and there is nothing more to do')
})

test('store care: an entry that an index lacks would never be due, and is found', async t => {
  const image = await makeImage(t, temporaryDirectory(t))
  // The index loses its entries, the table does not: what a damaged page of it comes to.
  const db = new DatabaseSync(join(image.directory, 'queues.db'), { defensive: false })
  db.exec('PRAGMA writable_schema = ON')
  db.exec(`UPDATE sqlite_schema SET sql = 'CREATE INDEX due_1 ON waiting_1 (due_at) WHERE due_at > 5000000000000' WHERE name = 'due_1'`)
  db.close()
  const again = new DatabaseSync(join(image.directory, 'queues.db'), { defensive: false })
  again.exec('REINDEX due_1; PRAGMA writable_schema = ON')
  again.exec(`UPDATE sqlite_schema SET sql = 'CREATE INDEX due_1 ON waiting_1 (due_at) WHERE due_at > 0' WHERE name = 'due_1'`)
  again.close()
  const { damages } = await verifyStore({ directory: image.directory }, ignore)
  t.true(damages.some(({ problem }) => /missing from index due_1/.test(problem)), JSON.stringify(damages.slice(0, 3)))
  await repair(image.directory)
  t.deepEqual((await verifyStore({ directory: image.directory }, ignore)).damages, [])
  t.deepEqual(await contents(t, image.directory), expected(image))
})

test('store care: a backup of a store in use is whole, and restores to the same messages', async t => {
  const home = temporaryDirectory(t)
  const image = await makeImage(t, home)
  const rig = await QueueRig.open(t, embeddedWorld(image.directory), imageSettings)
  const file = join(home, 'some.backup')
  // It goes on meanwhile: what comes is in the backup or is not, but as a whole.
  const more = Promise.all(Array.from({ length: 20 }, (_, i) => rig.stored(Array.from({ length: 10 }, (_, j) => `more${i}-${j}`))))
  const report = await backupInThread({ directory: image.directory, file, broker: 'abcdefabcdef', files: { 'channels.json': '{}' } }, ignore).result
  await more
  t.deepEqual(report.damages, [])
  const backup = checkBackup(file, ignore)
  t.like(backup, { broker: 'abcdefabcdef', files: { 'channels.json': '{}' } })
  const [queue] = report.queues
  t.true(queue!.messages >= image.waiting.size && (queue!.messages - image.waiting.size) % 10 === 0)
  t.deepEqual(backup.queues, report.queues)
  await t.throwsAsync(backupStore({ directory: image.directory, file, broker: 'b', files: {} }, ignore), { message: /a file of that name exists/ })

  const directory = join(home, 'restored')
  t.deepEqual(restoreStore({ file, directory, isDryRun: true, isReplacing: false }, ignore).contents, backup)
  t.false(existsSync(directory))
  t.is(restoreStore({ file, directory, isDryRun: false, isReplacing: false }, ignore).aside, '')
  t.deepEqual((await verifyStore({ directory }, ignore)).damages, [])
  const { waiting, dead } = await contents(t, directory)
  t.deepEqual({ waiting: waiting.filter(text => !text.startsWith('more')), dead }, expected(image))
  t.is(waiting.length, queue!.messages)

  t.is(BrokerError.from(t.throws(() => restoreStore({ file, directory, isDryRun: false, isReplacing: false }, ignore))).code, 'store.not_empty')
  const replaced = restoreStore({ file, directory, isDryRun: false, isReplacing: true }, ignore)
  t.true(existsSync(join(replaced.aside, 'queues.db')))
  t.is((await contents(t, directory)).waiting.length, queue!.messages)
})

test('store care: a database that is gone with nothing beside it was repaired to an empty store; it is refused, and nothing changes', async t => {
  const directory = temporaryDirectory(t)
  const rig = await QueueRig.open(t, embeddedWorld(directory), imageSettings)
  await rig.stored(['one', 'two'])
  await rig.store.close()
  rmSync(join(directory, 'queues.db'))
  const before = readdirSync(directory).filter(name => name !== 'queues.lock')
  t.true(before.includes('queues.mark'))
  for (const isDryRun of [true, false]) {
    const error = BrokerError.from(await t.throwsAsync(repair(directory, isDryRun)))
    t.is(error.code, 'store.failed')
    t.regex(error.message, /queues\.db is missing or empty, and no message could be salvaged .* which stay as they are: put it back, restore a backup/)
    t.deepEqual(readdirSync(directory).filter(name => name !== 'queues.lock'), before)
  }
})

test('store care: repair and restore keep off a store that is in use', async t => {
  const image = await makeImage(t, temporaryDirectory(t))
  const lock = takeStore(image.directory)
  t.is(BrokerError.from(await t.throwsAsync(repair(image.directory))).code, 'store.in_use')
  lock.release()
  const rig = await QueueRig.open(t, embeddedWorld(image.directory), imageSettings)
  t.is(BrokerError.from(await t.throwsAsync(repair(image.directory))).code, 'store.in_use')
  await rig.store.close()
  t.is((await repair(image.directory)).damages.length, 0)
})

test('store care: commits that a damaged log lost are told, their positions not given again, and repair finds them', async t => {
  const image = await makeImage(t, temporaryDirectory(t))
  const log = join(image.directory, 'queues.db-wal')
  const bytes = readFileSync(log)
  // In the middle of a page, half way through what counts.
  const { frames } = readWal(log)!
  bytes[frames[Math.floor(frames.length / 2)]!.at + 3000]! ^= 0xff
  writeFileSync(log, bytes)
  const rig = await QueueRig.open(t, embeddedWorld(image.directory), imageSettings)
  const last = Math.max(...image.waiting.keys())
  const [position] = await rig.stored('after')
  t.true(position! > last, `${position} after ${last}`)
  await rig.store.close()
  const { damages } = await verifyStore({ directory: image.directory }, ignore)
  t.true(damages.some(({ queue, problem }) => queue === '' && /commits? .* missing/.test(problem)), JSON.stringify(damages))
  t.true(damages.some(({ queue, position: at, problem }) => queue === 'jobs' && at! <= last && problem.includes(`to ${last} were stored`)), JSON.stringify(damages))
  const done = await repair(image.directory)
  t.true(done.salvaged > 0)
  t.deepEqual((await verifyStore({ directory: image.directory }, ignore)).damages, [])
  const { waiting } = await contents(t, image.directory)
  t.true(waiting.includes('after'))
  t.true(waiting.includes('last59'), 'the last message of the log is back')
})

test('store care: a swap that was cut off anywhere ends when the store is opened again', async t => {
  const home = temporaryDirectory(t)
  const image = await makeImage(t, home)
  const file = join(home, 'b')
  await backupStore({ directory: image.directory, file, broker: 'b', files: {} }, ignore)
  for (const cut of ['before', 'aside', 'mark', 'database']) {
    const directory = join(home, `cut-${cut}`)
    cpSync(image.directory, directory, { recursive: true })
    mkdirSync(join(directory, 'new'))
    copyFileSync(file, join(directory, 'new', 'queues.db'))
    writeFileSync(join(directory, 'new', 'queues.mark'), 'new mark')
    writeFileSync(join(directory, 'swap.json'), JSON.stringify({ from: 'new', aside: 'old', names: ['queues.db', 'queues.db-wal', 'queues.mark'] }))
    if (cut !== 'before') {
      mkdirSync(join(directory, 'old'))
      renameSync(join(directory, 'queues.db'), join(directory, 'old', 'queues.db'))
    }
    if (cut === 'mark' || cut === 'database') {
      for (const name of ['queues.db-wal', 'queues.mark']) renameSync(join(directory, name), join(directory, 'old', name))
      renameSync(join(directory, 'new', 'queues.mark'), join(directory, 'queues.mark'))
    }
    if (cut === 'database') renameSync(join(directory, 'new', 'queues.db'), join(directory, 'queues.db'))
    finishSwap(directory)
    t.deepEqual(readFileSync(join(directory, 'queues.db')), readFileSync(file), cut)
    t.is(readFileSync(join(directory, 'queues.mark'), 'utf8'), 'new mark', cut)
    t.deepEqual(readFileSync(join(directory, 'old', 'queues.db')), readFileSync(join(image.directory, 'queues.db')), cut)
    t.false(existsSync(join(directory, 'new')) || existsSync(join(directory, 'swap.json')), cut)
  }
})

test('store care: sealed anew, a store needs its new key alone, and holds nothing that can be read without', async t => {
  const home = temporaryDirectory(t)
  const [old, young] = ['old', 'young'].map(name => ({ file: join(home, name) }))
  for (const { file } of [old!, young!]) writeFileSync(file, randomBytes(32).toString('hex'), { mode: 0o600 })
  for (const before of [undefined, [old!]]) {
    const place = join(home, before === undefined ? 'plain' : 'rotated')
    mkdirSync(place)
    const image = await makeImage(t, place, before)
    const keys = [young!, ...(before ?? [])]
    const report = resealStore({ directory: image.directory, keys }, ignore)
    t.like(report, { resealed: image.waiting.size + image.dead.size, stillNeeded: [], damages: [] })
    t.like(resealStore({ directory: image.directory, keys: [young!] }, ignore), { resealed: 0 }, 'the old key is not asked for any more')
    t.deepEqual((await verifyStore({ directory: image.directory }, ignore)).damages, [])
    const bytes = Buffer.concat(['queues.db', 'queues.db-wal'].filter(name => existsSync(join(image.directory, name))).map(name => readFileSync(join(image.directory, name))))
    for (const text of ['plain99', 'long3', 'last5', 'session-own7']) t.false(bytes.includes(text), text)
    const rig = await QueueRig.open(t, embeddedWorld(image.directory, { keys: [young!] }), imageSettings)
    t.deepEqual((await rig.texts('waiting')).toSorted(), expected(image).waiting)
    const [death] = await rig.queue.list({ which: 'dead', after: 0, limit: 1 })
    t.is(death?.lastError, 'never')
    await rig.store.close()
    t.is(BrokerError.from(await t.throwsAsync(embeddedWorld(image.directory, { keys: [old!] }).open('abcdefabcdef'))).code, 'store.key')
  }
})

test('store care: a damaged id of the store does not cost the record of its keys', async t => {
  const home = temporaryDirectory(t)
  const key = { file: join(home, 'key') }
  writeFileSync(key.file, randomBytes(32).toString('hex'), { mode: 0o600 })
  const image = await makeImage(t, home, [key])
  change(image.directory, `UPDATE store SET store_id = 'X' || substr(store_id, 2)`)
  t.is((await repair(image.directory)).salvaged, image.waiting.size + image.dead.size)
  const rig = await QueueRig.open(t, embeddedWorld(image.directory, { keys: [key] }), imageSettings)
  t.deepEqual((await rig.texts('waiting')).toSorted(), expected(image).waiting, 'those with ids and sessions among them')
})

test('store care: a damaged record of the keys costs no message, and sealed anew ids are guarded again', async t => {
  const home = temporaryDirectory(t)
  const key = { file: join(home, 'key') }
  writeFileSync(key.file, randomBytes(32).toString('hex'), { mode: 0o600 })
  const image = await makeImage(t, home, [key])
  change(image.directory, `UPDATE store SET key_ring = replace(key_ring, '"secret":"', '"secret":"AAAA')`)
  for (const isAnew of [false, true]) {
    if (isAnew) t.like(resealStore({ directory: image.directory, keys: [key] }, ignore), { resealed: image.waiting.size + image.dead.size, damages: [] })
    const rig = await QueueRig.open(t, embeddedWorld(image.directory, { keys: [key] }), imageSettings)
    t.deepEqual((await rig.texts('waiting')).toSorted(), expected(image).waiting)
    t.deepEqual(rig.store.damages!.map(({ problem }) => problem.includes('the record of its keys')), isAnew ? [] : [true])
    await rig.store.close()
  }
  t.like(resealStore({ directory: image.directory, keys: [key] }, ignore), { resealed: 0 })
})

test('store care: a damaged list of free pages, which would have pages written twice, is found and mended', async t => {
  const directory = join(temporaryDirectory(t), 'store')
  const rig = await QueueRig.open(t, embeddedWorld(directory), imageSettings)
  await rig.stored(Array.from({ length: 40 }, (_, i) => `m${i}`), { padding: 20_000 })
  await rig.does('ack', await rig.take(39))
  await rig.store.close()
  const path = join(directory, 'queues.db')
  const bytes = readFileSync(path)
  const trunk = bytes.readUInt32BE(32)
  t.true(bytes.readUInt32BE(36) > 2, 'some pages are free')
  // Its first leaf is page 2, which is in use.
  bytes.writeUInt32BE(2, (trunk - 1) * 8192 + 8)
  writeFileSync(path, bytes)
  const { damages } = await verifyStore({ directory }, ignore)
  t.true(damages.some(({ problem }) => /free/i.test(problem)), JSON.stringify(damages))
  t.is((await repair(directory)).salvaged, 1)
  t.deepEqual((await verifyStore({ directory }, ignore)).damages, [])
  t.deepEqual(await contents(t, directory), { waiting: ['m39'], dead: [] })
})
