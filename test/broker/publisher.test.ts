import test from 'ava'
import fc from 'fast-check'
import { encodeFrame } from '../../broker/wire/frame.ts'
import { Flag, Kind } from '../../broker/wire/layout.ts'
import { codeOf } from '../support/memory-client.ts'
import { PipelineRig } from '../support/pipeline.ts'

test('publisher: ids must grow, whatever the chunks', t => {
  // Stretches of consecutive ids, which overlap: as one chunk they are runs that begin with old ids.
  const stretch = fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 5 })).map(([first, count]) => Array.from({ length: count }, (_, i) => first + i))
  const ids = fc.array(stretch, { maxLength: 6 }).map(stretches => stretches.flat())
  fc.assert(
    fc.property(ids, fc.array(fc.nat({ max: 20 }), { maxLength: 5 }), (sent, cuts) => {
      const rig = new PipelineRig()
      const [sender, receiver] = [rig.native(), rig.native()]
      receiver.subscribe(1, 'a')
      receiver.frames()
      const accepted = sent.filter((id, i) => id > Math.max(0, ...sent.slice(0, i)))
      const places = [0, ...cuts.filter(at => at < sent.length).toSorted((a, b) => a - b), sent.length]
      for (const [i, from] of places.slice(0, -1).entries()) {
        const chunk = sent.slice(from, places[i + 1]).map(id => encodeFrame({ kind: Kind.publish, id, subject: 'a' }))
        if (chunk.length > 0) sender.link.arrive(Buffer.concat(chunk))
      }
      t.deepEqual(receiver.messages().map(({ id }) => id), accepted)
      const refusals = sender.frames()
      t.true(refusals.every(frame => codeOf(frame) === 'frame.id_order'))
      const refused = refusals.map(({ body }) => ((body as { details: { count?: number } }).details.count ?? 1))
      t.is(refused.reduce((sum, count) => sum + count, 0), sent.length - accepted.length)
    }),
  )
})

test('publisher: every receiver gets the published frame itself, stamped', t => {
  const rig = new PipelineRig()
  const [sender, one, two] = [rig.native(), rig.native(), rig.native()]
  for (const client of [one, two]) {
    client.subscribe(1, 'a.>')
    client.frames()
  }
  const id = sender.publish('a.b', Uint8Array.of(1, 2, 3))
  const frame = encodeFrame({ kind: Kind.publish, origin: sender.connection.number, id, time: rig.clock.wallMicros(), subject: 'a.b', payload: Uint8Array.of(1, 2, 3) })
  for (const client of [one, two]) t.deepEqual(Buffer.from(client.messages()[0]!.bytes), Buffer.from(frame))
})

test('publisher: a client may not publish to a channel that is for subscribing only, an agent may', t => {
  const rig = new PipelineRig()
  rig.addPrincipal({ name: 'guest' }, 'guest-token')
  rig.addPrincipal({ name: 'worker', roles: ['agent'] }, 'worker-token')
  const guest = rig.native({ principal: 'guest', auth: { token: 'guest-token' } })
  const worker = rig.native({ principal: 'worker', auth: { token: 'worker-token' } })
  guest.publish('events.x')
  worker.publish('events.x')
  guest.publish('command')
  t.deepEqual(guest.frames().map(codeOf), ['channel.direction'])
  t.deepEqual(worker.frames(), [])
})

test('publisher: messages of one batch that were refused for the same reason are told as one', t => {
  const client = new PipelineRig().native()
  const first = client.nextId
  client.link.arrive(Buffer.concat([1, 2, 3].map(() => client.frame({ kind: Kind.publish, subject: '$SYS.x' }))))
  const [refusal, ...others] = client.frames()
  t.deepEqual(others, [])
  t.is(refusal!.ref, first)
  t.like(refusal!.body, { code: 'permission.denied', details: { count: 3 } })
})

test('publisher: a receipt says how many receivers there were', t => {
  const rig = new PipelineRig()
  const client = rig.native()
  const none = client.send({ kind: Kind.publish, subject: 'a', flags: Flag.receipt })
  rig.native().subscribe(1, 'a')
  const one = client.send({ kind: Kind.publish, subject: 'a', flags: Flag.receipt })
  t.deepEqual(client.frames().map(({ kind, ref, body }) => [kind, ref, body]), [[Kind.receipt, none, { receivers: 0 }], [Kind.receipt, one, { receivers: 1 }]])
})

test('publisher: kinds and flags that are not supported are refused, the connection stays', t => {
  const client = new PipelineRig().native()
  for (const [kind, flags] of [[Kind.grouped, 0], [9, 0], [99, 0], [Kind.publish, Flag.durable], [Kind.request, Flag.grouped], [Kind.hello, 0]] as const) {
    const id = client.send({ kind, flags, subject: 'a' })
    const frames = client.frames()
    t.deepEqual(frames.map(frame => [codeOf(frame), frame.ref]), [['frame.unsupported', id]], `kind ${kind}, flags ${flags}`)
  }
  t.true(client.connection.isReady)
})

test('publisher: a sender header must be true', t => {
  const rig = new PipelineRig()
  const client = rig.native({ client: 'me', program: 'tool' })
  for (const sender of ['me', 'tool']) client.send({ kind: Kind.publish, subject: 'a', headers: { sender } })
  t.deepEqual(client.frames(), [])
  for (const sender of ['you', 7, null]) client.send({ kind: Kind.publish, subject: 'a', headers: { sender } })
  t.deepEqual(client.frames().map(codeOf), ['envelope.sender_mismatch', 'envelope.sender_mismatch', 'envelope.sender_mismatch'])
})

test('publisher: a payload at the limit passes, one byte more is refused by name and the connection stays', t => {
  const rig = new PipelineRig({ ipc: { performance: { maxMessageBytes: 1000 } } })
  const client = rig.native()
  const reader = rig.native()
  reader.subscribe(1, 'a')
  reader.frames()
  for (const headers of [undefined, { depth: 'x'.repeat(200) }]) {
    for (const bytes of [1000, 1001]) client.send({ kind: Kind.publish, subject: 'a', payload: new Uint8Array(bytes), ...(headers === undefined ? {} : { headers }) })
    t.deepEqual(client.frames().map(({ kind, body }) => [kind, (body as { details: object }).details]), [[Kind.error, { actualBytes: 1001, limitBytes: 1000 }]])
    t.deepEqual(reader.frames().map(({ payload }) => payload.length), [1000])
  }
  client.publish('a', new Uint8Array(10))
  t.is(reader.frames().length, 1)
})
