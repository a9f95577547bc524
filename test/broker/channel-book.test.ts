import test from 'ava'
import { join } from 'node:path'
import { ChannelBook } from '../../broker/channel-book.ts'
import { loadChannels } from '../../broker/registry/channel-file.ts'
import { PipelineRig } from '../support/pipeline.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

test('channel book: created channels outlast the broker, predefined ones need not', async t => {
  const path = join(temporaryDirectory(t), 'channels.json')
  const rig = new PipelineRig()
  rig.openChannel({ name: 'mine', mode: 'broadcast', createdAt: 7 })
  await new ChannelBook(rig.core, path).save()
  const specs = new ChannelBook(new PipelineRig().core, path).specs()
  t.deepEqual(specs.map(({ name }) => name), ['command', 'events', 'status', 'agent', 'gateway', 'mine'])
  t.deepEqual(specs.at(-1), { name: 'mine', mode: 'broadcast', direction: 'both', predefined: false, createdAt: 7 })
})

test('channel book: saves at the same time follow each other, and the last one stands', async t => {
  const path = join(temporaryDirectory(t), 'channels.json')
  const rig = new PipelineRig()
  const book = new ChannelBook(rig.core, path)
  const saves: Promise<void>[] = []
  for (let i = 0; i < 20; i++) {
    rig.openChannel({ name: `c${i}` })
    saves.push(book.save())
  }
  await Promise.all(saves)
  t.is(loadChannels(path).length, 20)
})

test('channel book: what was agreed with other brokers outlasts the broker, and channels of the configuration are nobody else\'s', async t => {
  const path = join(temporaryDirectory(t), 'channels.json')
  const rig = new PipelineRig()
  const book = new ChannelBook(rig.core, path)
  book.agreed.set('mine', 4)
  await book.save()
  t.deepEqual(new ChannelBook(rig.core, path).agreed, new Map([['mine', 4]]))
  t.true(book.isFixed('events'))
  t.false(book.isFixed('mine'))
})
