import test from 'ava'
import { createHmac } from 'node:crypto'
import type { JsonClient, Line } from '../../support/memory-client.ts'
import { OWNER_TOKEN, PipelineRig } from '../../support/pipeline.ts'

function codes(lines: readonly Line[]): unknown[] {
  return lines.map(line => (line['payload'] as { code?: string } | undefined)?.code)
}

function answer(client: JsonClient, bytes: Uint8Array | string): unknown {
  client.link.arrive(typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes)
  return codes(client.lines())[0]
}

test('json input: what is not an envelope is refused by name, and the next line is read', t => {
  const client = new PipelineRig().json()
  for (const line of ['nonsense', '[]', '1', 'null', '"x"', '{"type":1}', '{"type":""}', '{}', '{"type":"event","timestamp":"now"}', '{"type":"event","headers":[1]}', '{"type":"ping","id":1.5}', '{"type":"ping","version":"2"}', '\t']) {
    t.is(answer(client, `${line}\n`), 'envelope.malformed', line)
  }
  t.is(answer(client, Uint8Array.of(0x7b, 0xff, 0xfe, 0x0a)), 'envelope.malformed')
  client.send({ type: 'ping', id: 'still here' })
  t.like(client.lines()[0], { type: 'pong', ref: 'still here' })
})

test('json input: a line that is too long ends the connection, before and after its end has come', t => {
  const rig = new PipelineRig({ ipc: { performance: { maxMessageBytes: 1000 } } })
  for (const [bytes, end] of [[17_400, ''], [17_400, '\n']] as const) {
    const client = rig.json()
    client.raw(`{"type":"event","subject":"a","payload":"${'x'.repeat(bytes)}${end}`)
    t.deepEqual(codes(client.lines()), ['frame.too_large'])
    t.true(client.link.isClosed)
  }
  const stranger = rig.jsonLink()
  stranger.raw(`{"type":"hello","payload":"${'x'.repeat(8200)}`)
  t.deepEqual(codes(stranger.lines()), ['frame.too_large'])
})

test('json input: 100,000 nested arrays are a named error', t => {
  const rig = new PipelineRig()
  const client = rig.json()
  const nested = '['.repeat(100_000) + ']'.repeat(100_000)
  t.is(answer(client, `{"type":"event","subject":"a","payload":${nested}}\n`), 'payload.malformed')
  t.is(answer(client, `{"type":"event","subject":"a","headers":{"x":${nested}}}\n`), 'frame.malformed')
  t.is(answer(client, `{"type":"subscribe","subject":${nested}}\n`), 'envelope.malformed')
  t.is(answer(client, `{"type":"ping","payload":${nested},"id":"p"}\n`), undefined)
  t.is(answer(rig.jsonLink(), `{"type":"hello","payload":${'['.repeat(4000)}${']'.repeat(4000)}}\n`), 'frame.malformed')
  t.true(client.connection.isReady)
})

test('json input: __proto__ is a member like any other in payloads, and refused in headers', t => {
  const rig = new PipelineRig()
  const [client, receiver] = [rig.json(), rig.json()]
  receiver.send({ type: 'subscribe', subject: 'a' })
  receiver.lines()
  client.raw('{"type":"event","subject":"a","payload":{"__proto__":{"x":1},"y":2}}\n')
  t.true(JSON.stringify(receiver.lines()[0]!['payload']).includes('"__proto__":{"x":1}'))
  t.is(answer(client, '{"type":"event","subject":"a","headers":{"__proto__":1}}\n'), 'frame.malformed')
  t.is(answer(client, '{"__proto__":{"type":"ping"}}\n'), 'envelope.malformed')
  t.is(({} as { x?: number }).x, undefined)
})

test('json input: integers beyond 2^53 travel as $int', t => {
  const rig = new PipelineRig()
  const [client, receiver] = [rig.json(), rig.json()]
  receiver.send({ type: 'subscribe', subject: 'a' })
  receiver.lines()
  const payload = { big: { $int: '9007199254740993' }, safe: Number.MAX_SAFE_INTEGER }
  client.send({ type: 'event', subject: 'a', payload })
  t.deepEqual(receiver.lines()[0]!['payload'], payload)
})

test('json input: lines come in any pieces, and end with CR LF too', t => {
  const client = new PipelineRig().json()
  for (const character of '{"type":"ping","id":"ä"}\r\n\n{"type":"ping"}\n') client.raw(character)
  t.deepEqual(client.lines().map(({ type, ref }) => [type, ref]), [['pong', 'ä'], ['pong', undefined]])
})

test('json input: with signatures only lines signed by the token pass', t => {
  const rig = new PipelineRig({ ipc: { security: { validateSignature: true } } })
  const client = rig.json()
  const sign = (envelope: string, key: string): string => `${envelope.slice(0, -1)},"sig":"${createHmac('sha256', key).update(envelope.slice(0, -1)).digest('hex')}"}\n`
  const envelope = '{"type":"event","subject":"a","payload":1}'
  t.is(answer(client, sign(envelope, OWNER_TOKEN)), undefined)
  t.is(rig.core.accounts.outside.accepted, 1)
  t.is(answer(client, sign(envelope, 'other')), 'auth.signature_invalid')
  t.is(answer(client, sign(envelope, OWNER_TOKEN).replace('"a"', '"b"')), 'auth.signature_invalid')
  t.is(answer(client, `${envelope}\n`), 'auth.signature_missing')
})
