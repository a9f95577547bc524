import test from 'ava'
import { BrokerError } from '../../broker/ground/errors.ts'
import { Kind } from '../../broker/wire/layout.ts'
import type { NativeClient } from '../support/memory-client.ts'
import { PipelineRig } from '../support/pipeline.ts'

function setUp(): { rig: PipelineRig; sender: NativeClient; receiver: NativeClient } {
  const rig = new PipelineRig()
  const [sender, receiver] = [rig.native(), rig.native()]
  receiver.subscribe(1, 'a')
  receiver.frames()
  return { rig, sender, receiver }
}

test('ending: a client that says goodbye, or sends no more, gets what waits for it and is closed', t => {
  for (const leave of [(client: NativeClient) => void client.control(Kind.goodbye, 0), ({ link }: NativeClient) => link.end()]) {
    const { rig, sender, receiver } = setUp()
    sender.publish('a')
    leave(receiver)
    t.deepEqual(receiver.frames().map(({ kind }) => kind), [Kind.publish])
    t.true(receiver.link.isClosed)
    t.is(receiver.connection.closeReason, undefined)
    t.is(rig.core.directory.size, 1)
  }
})

test('ending: a client that sends no more and does not read either is cut off, its messages accounted', async t => {
  const { rig, sender, receiver } = setUp()
  receiver.link.kernelBytes = 0
  sender.publish('a')
  rig.turn()
  receiver.link.end()
  t.false(receiver.link.isClosed)
  sender.publish('a')
  await rig.advance(1100)
  t.true(receiver.link.isClosed)
  const { dropped, pending } = rig.core.accounts.totals()
  t.deepEqual([dropped['actor-gone'], pending], [2, 0])
})

test('ending: a goodbye of the broker is the last frame, and nothing follows it', t => {
  const { rig, sender, receiver } = setUp()
  sender.publish('a')
  rig.core.end(receiver.connection, new BrokerError('connection.killed'))
  sender.publish('a')
  rig.core.end(receiver.connection, new BrokerError('connection.draining'))
  t.deepEqual(receiver.frames().map(({ kind }) => kind), [Kind.publish, Kind.goodbye])
  t.is(receiver.connection.closeReason?.code, 'connection.killed')
})

test('ending: what a client sends behind its goodbye is not read', t => {
  const { rig, receiver } = setUp()
  receiver.link.arrive(Buffer.concat([receiver.frame({ kind: Kind.goodbye }), receiver.frame({ kind: Kind.publish, subject: 'a' })]))
  rig.turn()
  t.is(rig.core.accounts.totals().accepted, 0)
})

test('ending: a link that breaks is told to whoever runs the broker', t => {
  const { rig, receiver } = setUp()
  receiver.link.hangUp(new Error('read ECONNRESET'))
  rig.turn()
  t.is(receiver.connection.closeReason?.message, 'connection.lost: the connection was lost: read ECONNRESET')
  t.deepEqual(rig.events.filter(([number]) => number === receiver.connection.number).map(([, event]) => event), ['accepted', 'authenticated', 'closed'])
})
