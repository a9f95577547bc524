import test from 'ava'
import { Undo } from '../../../actors/upgrade/undo.ts'
import { recordedLog } from '../../support/recorded-log.ts'

test('undo: all is taken back, the last first and each once, also past steps that fail', async t => {
  const log = recordedLog()
  const undo = new Undo(log)
  const done: string[] = []
  undo.add('sockets', () => void done.push('sockets'))
  undo.add('links', async () => {
    await Promise.resolve()
    throw new Error('no link')
  })
  undo.add('files', () => void done.push('files'))
  undo.add('lock', () => {
    throw new Error('ENOSPC: no space left')
  })
  await undo.run()
  t.deepEqual(done, ['files', 'sockets'])
  t.deepEqual(log.records.filter(({ level }) => level === 'error').map(({ fields }) => (fields as { step: string }).step), ['lock', 'links'])
  await undo.run()
  t.is(done.length, 2)
})
