import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { missingBehind } from '../../../../broker/store/embedded/log-evidence.ts'
import { repairStore } from '../../../../broker/store/embedded/repair.ts'
import { readWal } from '../../../../broker/store/embedded/wal-file.ts'
import { QueueRig } from '../../../support/queue-rig.ts'
import { recordedLog } from '../../../support/recorded-log.ts'
import { embeddedWorld, imageSettings, makeImage } from '../../../support/store-image.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

test('log evidence: without its mark, a log that is damaged in its middle tells which messages are gone, and they are salvaged', async t => {
  const { directory, waiting, dead } = await makeImage(t, temporaryDirectory(t))
  const path = join(directory, 'queues.db')
  const queues = [{ id: 1, name: 'jobs', last_position: 135 }]
  t.is(missingBehind(path, queues), undefined, 'a log that is whole shows nothing')
  rmSync(join(directory, 'queues.mark'))
  const log = readFileSync(`${path}-wal`)
  const { at } = readWal(`${path}-wal`)!.frames[3]!
  log[at + 100]! ^= 1
  writeFileSync(`${path}-wal`, log)
  const last = Math.max(...waiting.keys(), ...dead.keys())
  t.deepEqual(missingBehind(path, queues), [{ id: 1, queue: 'jobs', after: 135, upTo: last }])

  const heard = recordedLog()
  const rig = await QueueRig.open(t, embeddedWorld(directory, { log: heard }), imageSettings)
  const told = heard.records.flatMap(({ fields }) => ('problem' in fields ? [String(fields['problem'])] : []))
  for (const words of [/^queues.mark is missing/, /^commits are missing, and how many cannot be told/, /^messages 136 to 195 were stored and are missing/]) t.true(told.some(problem => words.test(problem)), JSON.stringify(told))
  const [position] = await rig.stored(['new'])
  t.is(position, last + 1, 'no position is given twice')
  await rig.store.close()

  const { damages } = await repairStore({ directory, isDryRun: false, names: ['jobs'] }, () => {})
  t.true(damages.some(damage => damage.queue === 'jobs' && damage.position === 136))
  const again = await QueueRig.open(t, embeddedWorld(directory), imageSettings)
  const texts = await again.texts('waiting')
  t.deepEqual([...waiting.values(), 'new'].filter(text => !texts.includes(text)), [])
})
