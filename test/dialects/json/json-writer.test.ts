import test from 'ava'
import { encode } from '@msgpack/msgpack'
import { Kind, PayloadType } from '../../../broker/wire/layout.ts'
import type { JsonClient, Line, NativeClient } from '../../support/memory-client.ts'
import { PipelineRig } from '../../support/pipeline.ts'

function setUp(): { rig: PipelineRig; sender: NativeClient; receiver: JsonClient } {
  const rig = new PipelineRig()
  const receiver = rig.json()
  receiver.send({ type: 'subscribe', subject: 'a' })
  receiver.lines()
  return { rig, sender: rig.native({ client: 'native' }), receiver }
}

function shown(payload: Uint8Array, flags: PayloadType): Line {
  const { sender, receiver } = setUp()
  sender.send({ kind: Kind.publish, subject: 'a', flags, payload })
  return receiver.lines()[0]!
}

test('json writer: MessagePack payloads are shown as JSON, without loss', t => {
  const bytes = Uint8Array.of(0x84, 0xa1, 0x62, 0xc4, 0x03, 0, 1, 2, 0xa1, 0x69, 0xcf, 0, 0x20, 0, 0, 0, 0, 0, 1, 0xa1, 0x74, 0xd6, 0xff, 0, 0, 0, 0, 0xa1, 0x6e, 0x05)
  t.deepEqual(shown(bytes, PayloadType.msgpack)['payload'], { b: { $base64: 'AAEC' }, i: { $int: '9007199254740993' }, t: { $time: '1970-01-01T00:00:00.000Z' }, n: 5 })
})

test('json writer: bytes, text, JSON and nothing', t => {
  t.deepEqual(shown(Uint8Array.of(0, 1, 2), PayloadType.bytes)['payload'], { $base64: 'AAEC' })
  t.is(shown(Buffer.from('grüß'), PayloadType.text)['payload'], 'grüß')
  t.deepEqual(shown(Buffer.from('{"a":\n[1]}'), PayloadType.json)['payload'], { a: [1] })
  t.is(shown(new Uint8Array(0), PayloadType.bytes)['payload'], null)
})

test('json writer: a payload that JSON cannot say arrives with the reason', t => {
  t.like(shown(encode({ x: Number.NaN }), PayloadType.msgpack), { payload: null, problem: { code: 'payload.not_json' } })
  t.like(shown(Uint8Array.of(0xc1), PayloadType.msgpack), { payload: null, problem: { code: 'payload.malformed' } })
  t.like(shown(Buffer.from('{'), PayloadType.json), { payload: null, problem: { code: 'payload.malformed' } })
  t.like(shown(Uint8Array.of(0xff), PayloadType.text), { payload: null, problem: { code: 'payload.malformed' } })
  t.like(shown(Buffer.from(`${'['.repeat(100_000)}${']'.repeat(100_000)}`), PayloadType.json), { payload: null, problem: { code: 'payload.not_json' } })
  const bomb = Uint8Array.from({ length: 40 }, (_, i) => [0xdd, 0x01, 0xf0, 0, 0][i % 5]!)
  t.like(shown(bomb, PayloadType.msgpack), { payload: null, problem: { code: 'payload.malformed' } })
})

test('json writer: headers that JSON cannot say cost neither the message nor its sender', t => {
  const { rig, sender, receiver } = setUp()
  const odd = [{ x: Number.NaN }, { mid: new Uint8Array(2) }, { sentAt: 'yesterday' }, { sentAt: Number.NaN }, { mid: 5 }]
  for (const headers of odd) sender.send({ kind: Kind.publish, subject: 'a', headers })
  const lines = receiver.lines()
  const textId = (id: number): string => `testhome.1.${sender.connection.number}.${id}`
  t.like(lines[0], { id: textId(2), problem: { code: 'payload.not_json' } })
  t.deepEqual(lines.map(({ id, sentAt }) => [id, sentAt]), [[textId(2), undefined], [textId(3), undefined], [textId(4), undefined], [textId(5), undefined], [5, undefined]])
  t.true(sender.connection.isReady)
  t.true(rig.core.accounts.totals().balanced)
})

test('json writer: receivers of one publish share one line, group members have their own', t => {
  const { rig, sender, receiver } = setUp()
  const [second, member] = [rig.json(), rig.json()]
  second.send({ type: 'subscribe', subject: 'a' })
  member.send({ type: 'subscribe', subject: 'a', group: 'g', subscription: 44 })
  for (const client of [second, member]) client.lines()
  sender.publish('a')
  const lines = [receiver, second, member].map(client => client.lines()[0]!)
  t.deepEqual(lines[0], lines[1])
  t.deepEqual(lines[2], { ...lines[0], subscription: 44 })
})

test('json writer: who sent it is told by client id, also after it left', t => {
  const { rig, sender, receiver } = setUp()
  sender.publish('a')
  t.is(receiver.lines()[0]!['sender'], 'native')
  receiver.link.kernelBytes = 0
  sender.publish('a')
  sender.link.hangUp()
  rig.turn()
  receiver.link.kernelBytes = Infinity
  t.is(receiver.lines()[0]!['sender'], 'native')
})
