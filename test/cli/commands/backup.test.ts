// Backup, restore, verify and repair as an operator types them; one story, as each step needs the one before.

import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test from 'ava'
import { commandLine } from '../../support/callboard.ts'
import { startBroker } from '../../support/broker.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

test('backup: of a working broker, restored elsewhere, damaged, verified and repaired, and nothing is lost that was intact', async t => {
  const home = temporaryDirectory(t)
  const file = join(home, 'board.backup')
  const broker = await startBroker(t)
  const { callboard } = broker
  t.is((await callboard.run('ipc', 'channel', 'create', '--name', 'jobs', '--mode', 'queue')).exit, 0)
  const client = await broker.connect()
  for (let n = 1; n <= 20; n++) await client.publish('jobs', { n }, { receipt: true })

  t.is((await callboard.run('queue', 'verify')).stdout, '20 messages checked, all as they were written\n')
  const [whole] = await callboard.json('queue', 'verify', 'jobs')
  t.deepEqual(whole, { ok: true, checked: 20, damages: [] })
  t.regex((await callboard.run('queue', 'verify', 'job')).stderr, /no queue "job"[^]*did you mean "jobs"/)
  t.regex((await callboard.run('queue', 'repair')).stderr, /store\.in_use/)
  const made = await callboard.run('backup', file)
  t.regex(made.stdout, /^20 messages of 1 queue in .*board\.backup, /, made.stderr)
  t.regex((await callboard.run('backup', file)).stderr, /a file of that name exists/)
  const refused = await callboard.run('restore', file)
  t.is(refused.exit, 3, 'its home is held by a broker')

  const other = temporaryDirectory(t)
  const elsewhere = commandLine(t, other)
  const dry = await elsewhere.run('restore', file, '--dry-run')
  t.regex(dry.stdout, /jobs +20 +0\n\nthe backup is whole; nothing was changed/, dry.stderr)
  t.deepEqual(readdirSync(other), [])
  t.regex((await elsewhere.run('restore', file)).stdout, /restored into /)
  t.regex((await elsewhere.run('restore', file)).stderr, /holds [^]*already[^]*--replace/)
  t.is((JSON.parse(readFileSync(join(other, 'broker.json'), 'utf8')) as { broker: string }).broker, (JSON.parse(readFileSync(join(broker.home, 'broker.json'), 'utf8')) as { broker: string }).broker)

  // A home that it could not fill wholly had a new store and its old files.
  const stuck = temporaryDirectory(t)
  mkdirSync(join(stuck, 'broker.json'))
  mkdirSync(join(stuck, 'store'))
  writeFileSync(join(stuck, 'channels.json'), 'as it was')
  t.not((await commandLine(t, stuck).run('restore', file, '--replace')).exit, 0)
  t.deepEqual(readdirSync(stuck).sort(), ['broker.json', 'channels.json', 'logs', 'store'])
  t.deepEqual([readFileSync(join(stuck, 'channels.json'), 'utf8'), readdirSync(join(stuck, 'store'))], ['as it was', []])

  const db = new DatabaseSync(join(other, 'store', 'queues.db'))
  db.exec('UPDATE waiting_1 SET frame = zeroblob(60) WHERE position = 7')
  db.close()
  const found = await elsewhere.run('queue', 'verify')
  t.is(found.exit, 1)
  t.regex(found.stdout, /\njobs +7 +the checksum does not fit\n/)
  const named = await elsewhere.run('queue', 'repair', 'jobs', '--dry-run')
  t.regex(named.stdout, /would keep +19 messages/)
  t.is(named.stderr, 'all queues stand in one store: with jobs the others are repaired\n')
  const [repaired] = await elsewhere.json('queue', 'repair')
  t.like(repaired, { dryRun: false, salvaged: 19 })
  t.true(existsSync((repaired as { quarantine: string }).quarantine) && existsSync((repaired as { aside: string }).aside))
  t.is((await elsewhere.run('queue', 'verify')).stdout, '19 messages checked, all as they were written\n')

  // One broker of an identity runs on a host.
  await broker.broker.stop()
  const again = await startBroker(t, { home: other })
  const reader = await again.connect()
  const messages = await reader.fetch<{ n: number }>('jobs', { limit: 19 })
  t.deepEqual(messages.map(({ value }) => value.n), Array.from({ length: 20 }, (_, i) => i + 1).filter(n => n !== 7))

  const bytes = readFileSync(file)
  bytes[5000]! ^= 1
  rmSync(file)
  writeFileSync(file, bytes)
  // It used to leave an empty home behind.
  const nowhere = join(temporaryDirectory(t), 'home')
  t.regex((await commandLine(t, nowhere).run('restore', file)).stderr, /SHA-256[^]*backup\.invalid/)
  t.false(existsSync(nowhere))
})

test('backup: queues in memory cannot be backed up or verified, and it says why', async t => {
  const { home, callboard } = await startBroker(t, { config: { queue: { backend: 'memory' }, channels: [{ name: 'jobs', mode: 'queue' }] } })
  t.regex((await callboard.run('backup', join(home, 'board.backup'))).stderr, /^error: the store memory cannot be backed up: what it holds ends with the broker \(queue\.unsupported\)/)
  t.regex((await callboard.run('queue', 'verify')).stderr, /^error: the store memory cannot verify its messages: it has no checksums of its own \(queue\.unsupported\)/)
})
