// Garbage of every kind at every stage of a gateway connection: noise, valid bytes with changes, valid bytes cut short.
// The seeds are fixed, so that a run that fails can be run again.

import type { Socket } from 'node:net'
import { encode } from '@msgpack/msgpack'
import fc from 'fast-check'
import test, { type ExecutionContext } from 'ava'
import { encodeFrame } from '../../broker/wire/frame.ts'
import { Kind } from '../../broker/wire/layout.ts'
import { closed } from '../support/closed.ts'
import { nonceOf, Siege } from '../support/siege.ts'
import { until } from '../support/until.ts'
import { clientFrame, PING, TEXT } from '../support/websocket-frames.ts'

const RUNS = 150
const AT_A_TIME = 15

/** Changes: where, and the byte that stands there then; above 255 the byte is taken out, above 300 sixteen are put in. */
const changes = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 320 })), { minLength: 1, maxLength: 12 })
const cuts = fc.array(fc.nat(), { maxLength: 3 })

function changed(bytes: Uint8Array, by: readonly (readonly [number, number])[]): Buffer {
  let out = Buffer.from(bytes)
  for (const [where, what] of by) {
    const at = where % Math.max(1, out.length)
    if (what < 256) out[at] = what
    else out = Buffer.concat([out.subarray(0, at), what > 300 ? Buffer.alloc(16, what) : Buffer.alloc(0), out.subarray(at + (what > 300 ? 0 : 1))])
  }
  return out
}

/** Noise, a changed valid input, or a valid input that ends too early. */
function garbage(valid: readonly Uint8Array[]): fc.Arbitrary<Buffer> {
  const one = fc.constantFrom(...valid)
  return fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 400 }).map(bytes => Buffer.from(bytes)),
    fc.tuple(one, changes).map(([bytes, by]) => changed(bytes, by)),
    fc.tuple(one, fc.nat()).map(([bytes, at]) => Buffer.from(bytes.subarray(0, at % bytes.length))),
    fc.tuple(one, one, changes).map(([a, b, by]) => Buffer.concat([a, changed(b, by)])),
  )
}

/** Sends garbage in pieces, hangs up its side, and waits for the broker's: it must come, whatever was sent. */
async function assault(socket: Socket, bytes: Buffer, places: readonly number[]): Promise<void> {
  const gone = closed(socket)
  const ends = [...places.map(place => place % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  let from = 0
  for (const end of ends) {
    // A write of its own, and mostly a segment of its own: the socket has no delay.
    if (end > from && socket.writable) await new Promise<void>(resolve => socket.write(bytes.subarray(from, end), () => resolve()))
    from = end
  }
  socket.resume()
  socket.end()
  await gone
}

async function fuzz(t: ExecutionContext, seed: number, valid: (siege: Siege) => readonly Uint8Array[], begin: (siege: Siege) => Promise<Socket>): Promise<void> {
  const siege = await Siege.begin(t)
  const samples = fc.sample(fc.tuple(garbage(valid(siege)), cuts), { seed, numRuns: RUNS })
  for (let i = 0; i < samples.length; i += AT_A_TIME) {
    await Promise.all(samples.slice(i, i + AT_A_TIME).map(async ([bytes, places]) => assault(await begin(siege), bytes, places)))
  }
  await siege.holds()
  t.deepEqual(await siege.errors(), [])
  // Nobody but the bystander is left.
  await until(async () => (await siege.bystander.call('connections')).connections.filter(({ phase }) => phase === 'run').length === 1)
}

const text = (message: unknown): Buffer => clientFrame({ opcode: TEXT, payload: JSON.stringify(message) })
const native = (kind: number, body: object): Buffer => clientFrame({ payload: encodeFrame({ kind, id: 1, payload: encode(body) }) })

test('gateway abuse: garbage instead of a request', t => fuzz(t, 1, siege => [
  Buffer.from(siege.request()),
  Buffer.from(siege.request(['Origin: http://evil.example', 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits', 'Cookie: a=b'])),
  Buffer.from(`GET /healthz HTTP/1.1\r\nHost: ${siege.host}\r\n\r\n`),
  Buffer.from(`POST / HTTP/1.1\r\nHost: ${siege.host}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`),
], siege => siege.socket()))

test('gateway abuse: garbage instead of a first message', t => fuzz(t, 2, siege => [
  text({ type: 'connect', id: 1, params: { deviceId: 'fuzz', auth: { token: siege.broker.token.slice(1) }, challenge: 'c', capabilities: ['a', 'b'], role: 'node', nodeType: 'ios', version: '1' } }),
  text({ type: 'req', id: 1, method: 'status' }),
  native(Kind.hello, { protocol: { min: 1, max: 1 }, auth: { nonce: 'n' }, client: 'fuzz' }),
  Buffer.concat([clientFrame({ opcode: TEXT, payload: '{"type":', fin: false }), clientFrame({ opcode: PING, payload: 'p' }), clientFrame({ opcode: 0, payload: '"connect"}' })]),
], async siege => {
  const peer = await siege.open()
  await nonceOf(peer)
  return peer.socket
}))

test('gateway abuse: garbage of a guest who speaks text', t => fuzz(t, 3, () => [
  text({ type: 'req', id: 'a', method: 'channel.show', params: { name: 'events' } }),
  text({ type: 'req', id: 'b', method: 'agent', params: { message: 'hello', sessionKey: 'agent:main:main' } }),
  text({ version: '1.0', id: 'msg-1', type: 'event', channel: 'command', payload: { a: [1, 2, { b: null }] }, timestamp: 1, headers: { x: 'y' } }),
  text({ type: 'subscribe', subject: 'a.>', filter: 'type=event && payload.x>1', group: 'g' }),
  text({ type: 'request', id: 'r', subject: 'mirror', payload: 1, timeout: 50 }),
  Buffer.concat([text({ type: 'broadcast', payload: 1 }), clientFrame({ opcode: PING }), text({ type: 'cancel', ref: 'r' })]),
], async siege => (await siege.guest()).socket))

test('gateway abuse: garbage of a guest who speaks native frames', t => fuzz(t, 4, () => {
  const frame = (init: Parameters<typeof encodeFrame>[0]): Uint8Array => encodeFrame(init)
  return [
    clientFrame({ payload: Buffer.concat([10, 11, 12].map(id => frame({ kind: Kind.publish, id, subject: 'fuzz.run', payload: new Uint8Array(40) }))) }),
    clientFrame({ payload: frame({ kind: Kind.request, id: 20, to: 50, subject: 'mirror', headers: { mid: 'm', ttl: 50 }, payload: encode({ x: 1 }) }) }),
    clientFrame({ payload: frame({ kind: Kind.subscribe, id: 30, ref: 7, payload: encode({ pattern: 'fuzz.*', filter: 'x=1' }) }) }),
    Buffer.concat([clientFrame({ payload: frame({ kind: Kind.publish, id: 40, subject: 'fuzz.cut' }).subarray(0, 20), fin: false }), clientFrame({ opcode: 0, payload: frame({ kind: Kind.publish, id: 40, subject: 'fuzz.cut' }).subarray(20) })]),
    clientFrame({ payload: frame({ kind: Kind.ping, id: 50 }) }),
  ]
}, async siege => {
  const peer = await siege.open()
  await nonceOf(peer)
  peer.write(native(Kind.hello, { auth: { token: siege.broker.token } }))
  await peer.next()
  return peer.socket
}))
