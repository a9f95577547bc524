// Compressed messages that are bombs, noise, or too early, where the gateway agrees on compression.

import { constants, deflateRawSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import { codeIn, heard, nonceOf, say, Siege, untilTheEnd } from '../support/siege.ts'
import { BINARY, clientFrame, PING, TEXT } from '../support/websocket-frames.ts'
import type { WebSocketPeer } from '../support/websocket-peer.ts'

const MIB = 1024 * 1024
const OFFER = ['Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover']
const RSV1 = 4

const begin = (t: ExecutionContext): Promise<Siege> => Siege.begin(t, { network: { websocket: { compression: true } } })

/** A message as RFC 7692 7.2.1 has it: deflated, flushed, without the four bytes of the flush. */
function deflated(bytes: Uint8Array | string): Buffer {
  const whole = deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH })
  return whole.subarray(0, whole.length - 4)
}

const compressed = (bytes: Uint8Array | string, opcode = TEXT): Buffer => clientFrame({ opcode, payload: deflated(bytes), rsv: RSV1 })

async function codeAfter(peer: WebSocketPeer, bytes: Uint8Array): Promise<number> {
  peer.write(bytes)
  peer.close(1000)
  return (await untilTheEnd(peer)).code
}

test('gateway abuse: what is compressed before the client was let in is not looked into', async t => {
  const siege = await begin(t)
  const bomb = deflated(Buffer.alloc(64 * MIB))
  const [asText, asBinary] = [TEXT, BINARY].map(opcode => clientFrame({ opcode, payload: bomb, rsv: RSV1 })) as [Buffer, Buffer]
  for (const frame of [compressed(JSON.stringify({ type: 'connect', params: { auth: { token: siege.broker.token } } })), asText, asBinary, clientFrame({ opcode: TEXT, payload: deflated('{'), rsv: RSV1, fin: false }), clientFrame({ opcode: PING, rsv: RSV1 })]) {
    const peer = await siege.open(OFFER)
    t.regex(peer.head, /permessage-deflate/i, 'it was agreed on')
    await nonceOf(peer)
    t.is(await codeAfter(peer, frame), 1002)
  }
  await siege.holds()
})

test('gateway abuse: a bomb ends its sender at the limit of a message, not at its own size', async t => {
  const siege = await begin(t)
  const zeros = Buffer.alloc(128 * MIB)
  const bomb = deflated(zeros)
  t.true(bomb.length < MIB / 2, 'it is small on the wire')
  for (const opcode of [TEXT, BINARY]) t.is(await codeAfter(await siege.guest({}, OFFER), clientFrame({ opcode, payload: bomb, rsv: RSV1 })), 1009)
  // In fragments, too.
  const parts = Array.from({ length: 20 }, (_, i) => bomb.subarray(Math.floor((i * bomb.length) / 20), Math.floor(((i + 1) * bomb.length) / 20)))
  t.is(await codeAfter(await siege.guest({}, OFFER), Buffer.concat(parts.map((payload, i) => clientFrame({ opcode: i === 0 ? TEXT : 0, rsv: i === 0 ? RSV1 : 0, payload, fin: i === 19 })))), 1009)
  await siege.holds()
})

test('gateway abuse: noise instead of compressed bytes ends its sender by name', async t => {
  const siege = await begin(t)
  for (const payload of [Buffer.from('not deflate at all'), Buffer.alloc(100, 0xff), deflated('{"type":"ping"}').subarray(0, 5), Buffer.from([0x07])]) {
    const code = await codeAfter(await siege.guest({}, OFFER), Buffer.concat([clientFrame({ opcode: TEXT, payload, rsv: RSV1 })]))
    // What ends too early may be read as what is there so far, and then is no JSON: refused, and the client's own close answered.
    t.true(code === 1007 || code === 1000, `${payload.toString('hex').slice(0, 30)}: ${code}`)
  }
  t.is(await codeAfter(await siege.guest({}, OFFER), compressed(Buffer.from([0x22, 0xc3, 0x28, 0x22]))), 1007)
  t.is(await codeAfter(await siege.guest({}, OFFER), clientFrame({ opcode: PING, payload: deflated('x'), rsv: RSV1 })), 1002)
  await siege.holds()
})

test('gateway abuse: many messages that are just small enough take bounded memory and hold nobody up', async t => {
  const siege = await begin(t)
  const guests = await Promise.all(Array.from({ length: 4 }, () => siege.guest({}, OFFER)))
  const message = compressed(JSON.stringify({ type: 'event', subject: 'inflated', payload: 'x'.repeat(1_000_000) }))
  t.true(message.length < 4096, 'a thousandth of what it becomes')
  const flood = Buffer.concat(Array.from({ length: 100 }, () => message))
  for (const peer of guests) peer.write(flood)
  for (let i = 0; i < 10; i++) t.is((await siege.bystander.request('mirror', i, { timeoutMs: 60_000 })).value, i)
  await siege.holds(256)
  for (const peer of guests) {
    say(peer, { type: 'req', id: 'after', method: 'ping' })
    t.like(await heard(peer), { id: 'after', ok: true })
  }
  await siege.holds(256)
})

test('gateway abuse: offers of extensions that make no sense are passed over', async t => {
  const siege = await begin(t)
  const offers = ['permessage-deflate; server_max_window_bits=99', 'permessage-deflate; server_max_window_bits=8', 'permessage-deflate; client_max_window_bits=7', 'permessage-deflate; unknown', 'permessage-deflate; client_no_context_takeover=1', 'permessage-deflate; client_no_context_takeover; client_no_context_takeover', ';;;', 'x'.repeat(4000), 'permessage-deflate, '.repeat(300), '__proto__', 'constructor; a=b', 'permessage-deflate="', '\u00e9']
  for (const offer of offers) {
    const guest = await siege.guest({}, [`Sec-WebSocket-Extensions: ${offer}`])
    say(guest, { type: 'req', id: 1, method: 'ping' })
    t.like(await heard(guest), { id: 1, ok: true }, offer.slice(0, 60))
    guest.socket.destroy()
  }
  // Where nothing was agreed on nothing is inflated.
  const plain = await siege.guest({}, ['Sec-WebSocket-Extensions: permessage-deflate; unknown'])
  t.is(await codeAfter(plain, compressed('{}')), 1002)
  await siege.holds()
  t.deepEqual(await siege.errors(), [])
})

test('gateway abuse: poison is poison when compressed, too', async t => {
  const siege = await begin(t)
  const guest = await siege.guest({}, OFFER)
  for (const message of ['['.repeat(500_000), '{"a":'.repeat(100_000), '{"__proto__":{"type":"req"}}', 'null', '']) {
    guest.write(compressed(message))
    t.regex(codeIn(await heard(guest)), /^(envelope|frame)\.malformed$/, message.slice(0, 30))
  }
  await siege.holds()
})
