// `callboard queue reseal` as an operator types it, on the files of a store that nobody has open.

import { randomBytes } from 'node:crypto'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test from 'ava'
import { commandLine } from '../../support/callboard.ts'
import { QueueRig } from '../../support/queue-rig.ts'
import { embeddedWorld, imageSettings, makeImage } from '../../support/store-image.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

test('queue reseal: after it the old key can go; what is damaged is named, and the old key is needed still', async t => {
  const home = temporaryDirectory(t)
  const [old, young] = ['old.key', 'young.key'].map(name => {
    const file = join(home, name)
    writeFileSync(file, randomBytes(32).toString('base64'), { mode: 0o600 })
    return { file }
  })
  const configure = (...keys: readonly object[]): void => writeFileSync(join(home, 'config.json'), JSON.stringify(keys.length === 0 ? {} : { store: { embedded: { encryption: { keys } } } }))
  const made = join(home, 'made')
  mkdirSync(made)
  const image = await makeImage(t, made, [old!])
  const all = image.waiting.size + image.dead.size
  const store = join(home, 'store')
  renameSync(image.directory, store)
  const callboard = commandLine(t, home)

  configure()
  const without = await callboard.run('queue', 'reseal')
  t.not(without.exit, 0)
  t.regex(without.stderr, /the configuration names no keys \(store\.key\)[^]*name the new one first/)
  configure(young!)
  t.regex((await callboard.run('queue', 'reseal')).stderr, /sealed with key [0-9a-f]{8}[^]*store\.key/, 'the old key is not there')

  configure(young!, old!)
  const db = new DatabaseSync(join(store, 'queues.db'))
  const { position, frame } = db.prepare('SELECT position, frame FROM waiting_1 LIMIT 1').get() as { position: number; frame: Uint8Array }
  const put = db.prepare('UPDATE waiting_1 SET frame = ? WHERE position = ?')
  put.run(new Uint8Array(frame.length), position)
  const partly = await callboard.run('queue', 'reseal')
  t.is(partly.exit, 1)
  t.regex(partly.stdout, new RegExp(`^sealed ${all - 1} messages anew [^]*\\njobs +${position} +the checksum does not fit[^]*needed still: [0-9a-f]{8}\\n`))
  put.run(frame, position)
  db.close()
  const sealed = await callboard.run('queue', 'reseal')
  t.is(sealed.exit, 0, sealed.stderr)
  t.regex(sealed.stdout, /^sealed 1 message anew with key [0-9a-f]{8}\nno other key is needed any more/)

  configure(young!)
  t.like((await callboard.json('queue', 'reseal'))[0], { resealed: 0, stillNeeded: [], damages: [] })
  const rig = await QueueRig.open(t, embeddedWorld(store, { keys: [young!] }), imageSettings)
  t.deepEqual((await rig.texts('waiting')).toSorted(), [...image.waiting.values()].toSorted())
})
