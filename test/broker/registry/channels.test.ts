import test from 'ava'
import { BrokerError } from '../../../broker/ground/errors.ts'
import type { ChannelMode } from '../../../broker/ground/types.ts'
import { Channels } from '../../../broker/registry/channels.ts'

function withChannels(...names: string[]): Channels {
  const channels = new Channels()
  for (const spec of Channels.predefined) channels.add(spec)
  for (const name of names) channels.add(channels.define(name, 'pubsub', 1))
  return channels
}

test('channels: the longest name that begins a subject owns it', t => {
  const channels = withChannels('events.disk', 'events.disk.full')
  const owners = ['events', 'events.x', 'events.disk', 'events.disk.x', 'events.disk.full.now', 'eventsx', 'other.events'].map(subject => channels.owner(subject.split('.'))?.name)
  t.deepEqual(owners, ['events', 'events', 'events.disk', 'events.disk', 'events.disk.full', undefined, undefined])
})

test('channels: what cannot be a channel is refused by name', t => {
  const channels = withChannels('mine')
  const refusals = ['a..b', 'a.*', '>', 'a b', '', '$CB.x', '_INBOX', 'command', 'mine'].map(name => t.throws(() => channels.define(name, 'pubsub', 1), { instanceOf: BrokerError }, name).code)
  t.deepEqual(refusals, [...Array<string>(7).fill('channel.invalid'), 'channel.predefined', 'channel.exists'])
  t.is(t.throws(() => channels.define('new', 'stack' as ChannelMode, 1), { instanceOf: BrokerError }).code, 'channel.invalid')
  t.is(t.throws(() => channels.define('new', 'pubsub', 1, { durability: 'os' }), { instanceOf: BrokerError }).code, 'channel.invalid')
})

test('channels: queues are channels where there may be any, with what they say of themselves', t => {
  t.deepEqual(new Channels().define('jobs', 'queue', 1, { durability: 'os' }), { name: 'jobs', mode: 'queue', direction: 'both', predefined: false, createdAt: 1, queue: { durability: 'os' } })
  t.is(t.throws(() => new Channels(false).define('jobs', 'queue', 1), { instanceOf: BrokerError }).code, 'queue.disabled')
})

test('channels: a channel that was removed is not found', t => {
  const channels = withChannels('mine')
  t.deepEqual(channels.get('mine'), { name: 'mine', mode: 'pubsub', direction: 'both', predefined: false, createdAt: 1 })
  channels.remove('mine')
  t.is(t.throws(() => channels.get('mine'), { instanceOf: BrokerError }).code, 'channel.not_found')
  t.is(channels.owner(['mine']), undefined)
})

test('channels: clients may only subscribe to events and status', t => {
  t.deepEqual(Object.fromEntries(Channels.predefined.map(({ name, direction }) => [name, direction])), { command: 'both', events: 'subscribe', status: 'subscribe', agent: 'both', gateway: 'both' })
})
