import test from 'ava'
import { encodeChannel, keyOfChannel, readChannel } from '../../../../broker/upstream/nats/channel-entry.ts'
import { channelSpec } from '../../../support/channel-rig.ts'

const read = (value: object): unknown => readChannel('jobs', Buffer.from(JSON.stringify(value)))

test('channel entry: a queue crosses with what it says of itself', t => {
  const spec = { ...channelSpec('jobs', 'queue'), queue: { durability: 'os', maxMessages: 5 } } as const
  t.deepEqual(readChannel(keyOfChannel('jobs'), Buffer.from(encodeChannel(spec, 'other'))), spec)
})

test('channel entry: what is none, or asks for what cannot be, is passed over', t => {
  t.is(read({ name: 'jobs', mode: 'stack', createdAt: 1 }), undefined)
  t.is(read({ name: 'jobs', mode: 'queue', createdAt: 1, queue: { durability: 'granite' } }), undefined)
  t.is(read({ name: 'jobs', mode: 'queue', createdAt: 1, queue: 5 }), undefined)
  t.deepEqual(read({ name: 'jobs', mode: 'pubsub', createdAt: 1, queue: { maxMessages: 5 } }), channelSpec('jobs'))
})
