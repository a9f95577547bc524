import test from 'ava'
import { decode } from '@msgpack/msgpack'
import { Kind } from '../../broker/wire/layout.ts'
import { codeOf, type NativeClient } from '../support/memory-client.ts'
import { PipelineRig } from '../support/pipeline.ts'

const LIMIT = 128 * 1024
const CREDIT = 16 * 1024

function rigWithCredit(): PipelineRig {
  return new PipelineRig({ ipc: { limits: { maxPendingBytes: LIMIT, creditBytes: CREDIT, overflow: 'block' } } })
}

const credits = (client: NativeClient): { subject: string; bytes: number }[] => client.frames().filter(({ kind }) => kind === Kind.credit).map(({ payload }) => decode(payload) as { subject: string; bytes: number })

test('credit: a slow receiver holds up one subject of a shared connection, not the others', t => {
  const rig = rigWithCredit()
  const [slow, quick] = [rig.native(), rig.native()]
  slow.subscribe(1, 'slow')
  quick.subscribe(1, 'quick')
  for (const client of [slow, quick]) client.frames()
  slow.link.kernelBytes = 0
  const publisher = rig.native({ flow: { credit: true } })
  // A client that keeps to its credit.
  let left = CREDIT
  let sent = 0
  for (;;) {
    const frameBytes = 1041 + 'slow'.length
    if (left < frameBytes) break
    publisher.publish('slow', new Uint8Array(1000))
    left -= frameBytes
    sent++
    rig.turn()
    for (const { subject, bytes } of credits(publisher)) if (subject === 'slow') left += bytes
    if (sent > 1000) throw new Error('the credit never ends')
  }
  t.false(publisher.link.isPaused)
  t.true(slow.connection.isHigh)
  for (let i = 0; i < 500; i++) {
    publisher.publish('quick', new Uint8Array(1000))
    rig.turn()
    quick.frames()
  }
  t.is(quick.connection.outbound.writtenMessages, 500)
  slow.link.kernelBytes = Infinity
  t.is(slow.messages().length, sent)
  t.deepEqual(credits(publisher).filter(({ subject }) => subject === 'slow').length, 1, 'and it may go on')
})

test('credit: more than the credit is refused by name, nothing else', t => {
  const rig = rigWithCredit()
  const slow = rig.native()
  slow.subscribe(1, 'a')
  slow.frames()
  slow.link.kernelBytes = 0
  const publisher = rig.native({ flow: { credit: true } })
  let refused: string | undefined
  for (let i = 0; i < 400 && refused === undefined; i++) {
    publisher.publish('a', new Uint8Array(1000))
    rig.turn()
    refused = publisher.frames().filter(({ kind }) => kind === Kind.error).map(codeOf)[0]
  }
  t.is(refused, 'flow.no_credit')
  t.true(rig.core.accounts.outside.rejected > 0)
  t.true(rig.core.accounts.totals().balanced)
  t.is(publisher.connection.state, 'ready')
})

test('credit: what is refused for permission uses up no credit', t => {
  const rig = rigWithCredit()
  rig.addPrincipal({ name: 'mouse', publish: { allow: ['small'], deny: [] } }, 'cheese')
  const mouse = rig.native({ principal: 'mouse', auth: { token: 'cheese' }, flow: { credit: true } })
  let granted = 0
  for (let i = 0; i < 200; i++) {
    mouse.publish('large', new Uint8Array(1000))
    rig.turn()
    const frames = mouse.frames()
    t.deepEqual(frames.filter(({ kind }) => kind === Kind.error).map(codeOf), ['permission.denied'])
    granted += frames.filter(({ kind }) => kind === Kind.credit).length
  }
  t.true(granted > 0)
})

test('credit: what was refused before it used any is given back, so that a sender does not run dry by its own mistakes', t => {
  const rig = rigWithCredit()
  const publisher = rig.native({ flow: { credit: true } })
  publisher.frames()
  const frame = publisher.frame({ kind: Kind.publish, subject: 'a', headers: { ttl: -1 } })
  publisher.link.arrive(frame)
  const frames = publisher.frames()
  t.deepEqual(frames.map(({ kind }) => kind), [Kind.error, Kind.credit])
  t.deepEqual(frames[1]!.body, { subject: 'a', bytes: frame.length })
})
