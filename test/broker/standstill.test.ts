import test from 'ava'
import { encode } from '@msgpack/msgpack'
import { Kind } from '../../broker/wire/layout.ts'
import { PipelineRig } from '../support/pipeline.ts'

const hello = { kind: Kind.hello, payload: encode({ auth: { token: 'owner-token' } }) }

test('standstill: a link that comes meanwhile is not read until it ends, and then it is, like all others', t => {
  const rig = new PipelineRig()
  const { standstill } = rig.pipeline
  const reader = rig.native()
  reader.subscribe(1, 'news')
  reader.frames()
  standstill.begin(undefined)
  const late = rig.link()
  late.send(hello)
  late.publish('news')
  t.deepEqual(late.frames(), [])
  t.is(late.connection.state, 'handshake')
  standstill.end()
  t.deepEqual(late.frames().map(({ kind }) => kind), [Kind.welcome])
  t.deepEqual(reader.messages().map(({ subject }) => subject), ['news'], 'what it had sent is not lost')
  for (const { connection, link } of [late, reader]) t.deepEqual([connection.pauses, link.isPaused], [0, false])
})

test('standstill: whoever was paused for another reason stays so, and an end without a beginning changes nothing', t => {
  const rig = new PipelineRig()
  const { standstill } = rig.pipeline
  const feeder = rig.native()
  feeder.connection.pause()
  standstill.end()
  t.is(feeder.connection.pauses, 1)
  standstill.begin(undefined)
  standstill.end()
  t.is(feeder.connection.pauses, 1)
})

test('standstill: when the other process serves, links on which nobody was let in end, and newcomers at once', t => {
  const rig = new PipelineRig()
  const { standstill } = rig.pipeline
  const [known, unknown] = [rig.native(), rig.link()]
  standstill.begin(undefined)
  standstill.leave()
  rig.turn()
  t.true(unknown.link.isClosed)
  t.false(known.link.isClosed)
  t.throws(() => rig.link(), { message: /cut off/ })
})
