// WebSocket frames and messages that are broken, oversized, endless or poisonous, before and after a client was let in.

import test from 'ava'
import { codeIn, heard, nonceOf, say, Siege, untilTheEnd } from '../support/siege.ts'
import { BINARY, clientFrame, CLOSE, closePayload, PING, TEXT, type SentFrame } from '../support/websocket-frames.ts'
import type { WebSocketPeer } from '../support/websocket-peer.ts'

const KIB = 1024
const text = (payload: string | Uint8Array, more: SentFrame = {}): Buffer => clientFrame({ opcode: TEXT, payload, ...more })

/** With which code the broker closes after these bytes. */
async function closedWith(peer: WebSocketPeer, bytes: Uint8Array): Promise<number> {
  peer.write(bytes)
  peer.close(1000)
  return (await peer.ending()).code
}

/** Broken rules of RFC 6455, and the code that it has for them. */
const broken: Readonly<Record<string, readonly [bytes: Uint8Array, code: number]>> = {
  'a frame without a mask': [text('{}', { mask: false }), 1002],
  'a compressed text, though nothing was agreed on': [text('{}', { rsv: 4 }), 1002],
  'a compressed binary message': [clientFrame({ payload: 'x', rsv: 4 }), 1002],
  'other reserved bits': [text('{}', { rsv: 2 }), 1002],
  'a reserved opcode': [clientFrame({ opcode: 3, payload: 'x' }), 1002],
  'a reserved control opcode': [clientFrame({ opcode: 11, payload: 'x' }), 1002],
  'a ping in two frames': [clientFrame({ opcode: PING, payload: 'x', fin: false }), 1002],
  'a ping of 126 bytes': [clientFrame({ opcode: PING, payload: 'x'.repeat(126) }), 1002],
  'a compressed ping': [clientFrame({ opcode: PING, rsv: 4 }), 1002],
  'a continuation of nothing': [clientFrame({ opcode: 0, payload: 'x' }), 1002],
  'a message within a message': [Buffer.concat([text('{', { fin: false }), text('}')]), 1002],
  'a close frame of one byte': [clientFrame({ opcode: CLOSE, payload: 'x' }), 1002],
  'a close code that nobody may send': [clientFrame({ opcode: CLOSE, payload: closePayload(1005) }), 1002],
  'text that is not UTF-8': [text(Buffer.from([0x22, 0xc3, 0x28, 0x22])), 1007],
  'text with half of a surrogate': [text(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])), 1007],
  'text with an overlong slash': [text(Buffer.from([0x22, 0xc0, 0xaf, 0x22])), 1007],
}

test('gateway abuse: broken frames end a connection with the code of RFC 6455, whoever sends them', async t => {
  const siege = await Siege.begin(t)
  for (const [what, [bytes, code]] of Object.entries(broken)) {
    const stranger = await siege.open()
    await nonceOf(stranger)
    t.is(await closedWith(stranger, bytes), code, what)
    t.is(await closedWith(await siege.guest(), bytes), code, `${what}, of a guest`)
  }
  await siege.holds()
})

test('gateway abuse: an announced length is refused at once, and reserves nothing', async t => {
  const siege = await Siege.begin(t)
  const claims: readonly [length: number | bigint, isGuestToo: boolean][] = [[64 * KIB + 1, false], [16 * KIB * KIB, true], [2 ** 31, true], [2n ** 53n, true], [2n ** 63n - 1n, true], [2n ** 64n - 1n, true]]
  for (const [length, isGuestToo] of claims) {
    for (const opcode of [TEXT, BINARY]) {
      // The head alone: what it announces never comes.
      const head = clientFrame({ opcode, length, payload: '' })
      const stranger = await siege.open()
      await nonceOf(stranger)
      stranger.write(head)
      stranger.socket.end()
      t.is((await stranger.ending()).code, 1009, `${length} bytes, opcode ${opcode}`)
      if (!isGuestToo) continue
      const guest = await siege.guest()
      guest.write(head)
      guest.socket.end()
      t.is((await guest.ending()).code, 1009, `${length} bytes of a guest, opcode ${opcode}`)
    }
  }
  // Fragments are counted together.
  const stranger = await siege.open()
  await nonceOf(stranger)
  const part = 'x'.repeat(8 * KIB)
  t.is(await closedWith(stranger, Buffer.concat([text(part, { fin: false }), ...Array.from({ length: 9 }, () => clientFrame({ opcode: 0, payload: part, fin: false }))])), 1009)
  await siege.holds()
})

test('gateway abuse: a message of countless empty frames is cut short', async t => {
  const siege = await Siege.begin(t)
  for (const peer of [await siege.open(), await siege.guest()]) {
    peer.write(text('', { fin: false }))
    const flood = Buffer.concat(Array.from({ length: 20_000 }, () => clientFrame({ opcode: 0, fin: false })))
    for (let i = 0; i < 5; i++) peer.write(flood)
    peer.socket.end()
    t.is((await peer.ending()).code, 1002)
  }
  await siege.holds()
})

test('gateway abuse: a flood of pings that nobody reads the answers of takes bounded memory', async t => {
  const siege = await Siege.begin(t)
  const flood = Buffer.concat(Array.from({ length: 5000 }, () => clientFrame({ opcode: PING, payload: 'p'.repeat(125) })))
  const peers = await Promise.all([siege.open(), siege.open(), siege.guest(), siege.guest()])
  for (const peer of peers) {
    // Its pongs fill the sockets of both sides, and then wait with the broker.
    peer.socket.pause()
    for (let i = 0; i < 20; i++) peer.write(flood)
  }
  await Promise.all(peers.map(({ socket }) => new Promise<void>(resolve => socket.write('', () => resolve()))))
  await siege.holds()
  for (const { socket } of peers) socket.destroy()
  // One that reads gets its answer.
  const guest = await siege.guest()
  guest.write(flood)
  say(guest, { type: 'req', id: 'after', method: 'ping' })
  t.like(await heard(guest), { id: 'after', ok: true })
  await siege.holds()
})

/** Messages that a parser, a prototype or a table of names could stumble over. */
const poison: readonly string[] = [
  '', ' ', 'null', 'true', '0', '"connect"', '[]', '[{}]', '{}', '{', '}', '{"type"}', '{"type":}', '{"type":"connect"', '\ufeff{"type":"connect"}', '{"type":"connect"}{"type":"connect"}', "{'type':'connect'}", '{"type":NaN}', '{"type":"connect",}', '\u0000',
  '['.repeat(30_000), '{"a":'.repeat(10_000), `${'['.repeat(30_000)}${']'.repeat(30_000)}`, `{"type":"connect","params":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`, `"${'\\u0000'.repeat(5000)}"`, `{"type":${'9'.repeat(5000)}}`, '{"type":1e999999}', '{"type":-0}',
  '{"__proto__":{"type":"connect"}}', '{"type":"__proto__"}', '{"type":"constructor"}', '{"type":"toString"}', '{"type":"hasOwnProperty"}', '{"constructor":{"prototype":{"isReady":true}}}',
  '{"type":"connect","params":{"__proto__":{"auth":{"token":"x"}}}}', '{"type":"connect","params":[]}', '{"type":"connect","params":"x"}', '{"type":"connect","params":{"auth":{"__proto__":{"token":"x"}}}}', '{"type":"connect","id":{"a":1},"params":{}}',
  '{"type":"connect","params":{"principal":"owner","roles":["admin"],"isReady":true,"permissions":{"admin":true}}}', '{"type":"connect","type":"req","params":{}}', '{"type":"req","id":1,"method":"ping"}', '{"type":"hello","payload":{}}', '{"type":"event","channel":"command","payload":1}', '{"type":"goodbye"}',
  JSON.stringify({ type: 'connect', params: { capabilities: Array.from({ length: 65 }, () => 'x') } }), JSON.stringify({ type: 'connect', params: { deviceId: '../../etc/passwd' } }), JSON.stringify({ type: 'connect', params: { version: 'x'.repeat(129) } }),
]

test('gateway abuse: poisonous first messages are refused by name, and poison nothing', async t => {
  const siege = await Siege.begin(t)
  for (const message of poison) {
    const peer = await siege.open()
    await nonceOf(peer)
    say(peer, message)
    peer.close(1000)
    const { messages, code } = await untilTheEnd(peer)
    const shown = message.slice(0, 60)
    t.is(messages.length, 1, shown)
    t.is(messages[0]!['ok'], false, shown)
    t.regex(codeIn(messages[0]), /^(handshake\.expected|envelope\.malformed|frame\.malformed|connect\.bad_params|auth\.required|auth\.failed)$/, shown)
    t.true(code >= 4000, `${shown}: ${code}`)
  }
  await siege.holds()
  t.deepEqual(await siege.errors(), [])
})

/** Requests and envelopes of somebody who is in. */
const poisonInside: readonly object[] = [
  ...['__proto__', 'constructor', 'toString', 'valueOf', 'hasOwnProperty', 'isPrototypeOf', '', ' ', '$CB.api.stop', '../stop', 'a'.repeat(5000), 'channel..list', '*', '>', 'ping\u0000', 'PING'].map(method => ({ type: 'req', id: 'x', method })),
  ...[null, [], {}, true, 1.5, 'x'.repeat(257), { toString: 1 }].map(id => ({ type: 'req', id, method: 'ping' })),
  ...[[], 'x', 5, true].map(params => ({ type: 'req', id: 'x', method: 'channel.show', params })),
  ...['', '$SYS.x', 'a..b', '*', 'a'.repeat(256), 'a b', '\u0000', '_INBOX.x'].map(subject => ({ type: 'event', subject, payload: 1, receipt: true })),
  { type: 'event', channel: '__proto__', payload: 1 },
  { type: 'event', subject: '$CB.api.stop', payload: {} },
  { type: 'event', subject: 'a', headers: [] },
  { type: 'event', subject: 'a', headers: JSON.parse('{"__proto__":{"x":1}}') as object, receipt: true },
  { type: 'event', subject: 'a', payload: 1, sender: 'owner' },
  { type: 'subscribe', subject: 'a', filter: 'a && '.repeat(40) },
  { type: 'subscribe', subject: '>'.repeat(10) },
  { type: 'subscribe', subject: '$CB.>' },
  { type: 'unsubscribe', subscription: '__proto__' },
  { type: 'response', ref: '__proto__', payload: 1 },
  { type: 'error', ref: {}, payload: null },
]

test('gateway abuse: poisonous messages of a guest are each refused by name, and the connection stays', async t => {
  const siege = await Siege.begin(t)
  const guest = await siege.guest({ deviceId: 'poisoner' })
  const probe = async (): Promise<string[]> => {
    say(guest, { type: 'req', id: 'probe', method: 'ping' })
    const codes: string[] = []
    for (;;) {
      const message = await heard(guest)
      if (message['id'] === 'probe') return codes
      codes.push(codeIn(message))
    }
  }
  // No answer at all is right for none of them.
  for (const message of poison.slice(0, 28)) {
    say(guest, message)
    t.regex((await probe()).join(), /^[a-z]+\.[a-z_]+$/, message.slice(0, 60))
  }
  for (const message of poisonInside) {
    say(guest, message)
    const codes = await probe()
    t.is(codes.length, 1, `${JSON.stringify(message).slice(0, 90)}: ${codes.join()}`)
    t.regex(codes[0]!, /^(?!internal)[a-z]+\.[a-z_]+$/, JSON.stringify(message).slice(0, 90))
  }
  say(guest, JSON.stringify({ type: 'req', id: 'x', method: 'agent', params: { message: 'x' } }).replace('"x"}}', '['.repeat(200_000)))
  t.regex((await probe()).join(), /^[a-z]+\.[a-z_]+$/)
  await siege.holds()
  t.deepEqual(await siege.errors(), [])
})
