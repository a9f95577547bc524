import test from 'ava'
import { writeFileSync } from 'node:fs'
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

test('channel book: a queue keeps what it says of itself, and no more: the configuration decides the rest anew', async t => {
  const path = join(temporaryDirectory(t), 'channels.json')
  const rig = new PipelineRig()
  const queue = { durability: 'os', retry: { maxAttempts: 7 } } as const
  rig.openChannel({ name: 'jobs', mode: 'queue', createdAt: 7, queue })
  await new ChannelBook(rig.core, path).save()
  t.deepEqual(new ChannelBook(new PipelineRig().core, path).specs().at(-1), { name: 'jobs', mode: 'queue', direction: 'both', predefined: false, createdAt: 7, queue })
  writeFileSync(path, JSON.stringify({ channels: [{ name: 'jobs', mode: 'queue', createdAt: 7, queue: { durability: 'granite' } }] }))
  const { message } = t.throws(() => new ChannelBook(new PipelineRig().core, path).specs())
  t.true(message.includes(path) && message.includes('durability'), message)
})
