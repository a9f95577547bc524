import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { decode, encode } from '@msgpack/msgpack'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { encodeFrame } from '../../broker/wire/frame.ts'
import { Kind, Offset } from '../../broker/wire/layout.ts'
import type { Client } from '../../client/index.ts'
import { startBrokerProcess, type BrokerProcess } from '../support/broker.ts'
import type { NativePeer } from '../support/native-peer.ts'
import { withHandshakeTime } from '../support/with-more-time.ts'

const MIB = 1024 * 1024

interface Place {
  readonly broker: BrokerProcess
  /** Somebody who has nothing to do with it. */
  readonly bystander: Client
}

async function place(t: ExecutionContext, config?: object): Promise<Place> {
  const broker = await startBrokerProcess(t, config === undefined ? {} : { config })
  const bystander = await broker.connect()
  await bystander.subscribe('mirror', { onMessage: message => message.respond(message.value) }).ready
  return { broker, bystander }
}

/** The bystander's own traffic goes on, and the accounts hold. */
async function goesOn(t: ExecutionContext, { broker, bystander }: Place): Promise<void> {
  t.is((await bystander.request('mirror', 'still here')).value, 'still here')
  t.true((await bystander.call('stats')).balanced)
  t.true(broker.rssBytes() <= 250 * MIB, `${Math.round(broker.rssBytes() / MIB)} MiB resident`)
}

/** A frame of which only the length is right. */
function framed(body: Uint8Array): Uint8Array {
  const frame = Buffer.alloc(4 + body.length)
  frame.writeUInt32BE(body.length)
  frame.set(body, 4)
  return frame
}

function length(bytes: number): Uint8Array {
  const prefix = Buffer.alloc(4)
  prefix.writeUInt32BE(bytes)
  return prefix
}

test('bad input: what begins no dialect is cut off', async t => {
  const here = await place(t)
  for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.from([0xff]), Buffer.from('[1]\n'), Buffer.from(' {}\n'), Buffer.from([1, 0, 0, 0])]) {
    const peer = await here.broker.openNative()
    peer.write(bytes)
    t.is(await peer.ending(), 'cut')
  }
  for (let i = 0; i < 200; i++) {
    const peer = await here.broker.openNative()
    const noise = randomBytes(300)
    // Neither a frame's first byte nor a line's.
    if (noise[0] === 0 || noise[0] === 0x7b) noise[0] = 1
    peer.write(noise)
    t.is(await peer.ending(), 'cut')
  }
  await goesOn(t, here)
})

test('bad input: before the welcome each wrong frame ends the connection by name', async t => {
  const here = await place(t)
  const hello = (body: unknown): Uint8Array => encodeFrame({ kind: Kind.hello, id: 1, payload: encode(body) })
  const wrong: [string, Uint8Array, string][] = [
    ['a frame of 16 MiB', length(0x00ff_ffff), 'frame.too_large'],
    ['a frame above 8 KiB', length(8193), 'frame.too_large'],
    ['a frame of nothing', length(0), 'frame.malformed'],
    ['noise of the right length', framed(new Uint8Array(40).fill(0xc1)), 'frame.malformed'],
    ['a map instead of an array', framed(encode({ kind: 16 })), 'frame.malformed'],
    ['a message', encodeFrame({ kind: Kind.publish, id: 1, subject: 'a' }), 'handshake.expected'],
    ['a proof of nothing', encodeFrame({ kind: Kind.proof, id: 1, payload: encode({ mac: '00' }) }), 'handshake.expected'],
    ['a hello that is a text', hello('hello'), 'frame.malformed'],
    ['a hello of noise', encodeFrame({ kind: Kind.hello, id: 1, payload: new Uint8Array([0xc1]) }), 'frame.malformed'],
    ['a hello without a body', encodeFrame({ kind: Kind.hello, id: 1 }), 'frame.malformed'],
    ['a hello of a later version', hello({ protocol: { min: 2, max: 9 }, auth: { token: 'x' } }), 'handshake.version'],
    ...([{ client: 7 }, { client: 'two words' }, { client: '' }, { client: 'x'.repeat(129) }, { program: [] }, { agent: {} }, { principal: 1 }, { auth: 'token' }, { auth: { token: 5 } }, { auth: { nonce: null, token: true } }, { echo: 'no' }, { heartbeatMs: -1 }, { heartbeatMs: 1.5 }, { protocol: 1 }, { protocol: { min: 'a' } }] as object[]).map(
      (field): [string, Uint8Array, string] => [JSON.stringify(field), hello({ auth: { token: 'x' }, ...field }), 'frame.malformed'],
    ),
  ]
  for (const [what, bytes, code] of wrong) {
    const peer = await here.broker.openNative()
    peer.write(bytes)
    t.is(await peer.ending(), code, what)
  }
  await goesOn(t, here)
})

test('bad input: after the welcome each wrong frame is refused by name, and the connection stays', async t => {
  const here = await place(t)
  const peer = await here.broker.native()
  // Every field of both layouts with every type that it is not.
  const publish = [Kind.publish, 0, 0, 5, 0, 'subject', null, new Uint8Array(1)]
  const request = [Kind.request, 0, 0, 5, 0, 0, 0, 'subject', null, new Uint8Array(1)]
  const values = [null, true, -1, 1.5, 2 ** 40, 2 ** 60, 'text', new Uint8Array(3), [], [1, 2], { a: 1 }, new Date(0)]
  let refused = 0
  for (const good of [publish, request]) {
    for (let field = 0; field < good.length; field++) {
      for (const value of values) {
        if (isFitting(good, field, value)) continue
        peer.write(framed(encode(good.map((own, i) => (i === field ? value : own)))))
        const { code } = await peer.nextError()
        t.true(['frame.malformed', 'frame.unsupported', 'subject.invalid', 'frame.id_order'].includes(code), `field ${field} as ${inspect(value)}: ${code}`)
        refused++
      }
    }
    for (const count of [0, 1, good.length - 1, good.length + 1]) {
      peer.write(framed(encode(Array.from({ length: count }, (_, i) => good[i] ?? null))))
      t.is((await peer.nextError()).code, 'frame.malformed')
    }
  }
  t.true(refused > 150)
  await answersPing(t, peer)
  await goesOn(t, here)
})

test('bad input: subjects, patterns, filters and kinds that are none', async t => {
  const here = await place(t)
  const peer = await here.broker.native()
  for (const subject of ['', '.', 'a.', '.a', 'a..b', 'a b', 'a.*', '*', '>', 'a.>', 'a>', 'tab\there', 'line\nbreak', 'nul\0']) {
    peer.publish(subject, 1)
    t.is((await peer.nextError()).code, 'subject.invalid', subject)
    peer.request(subject, 1)
    t.is((await peer.nextError()).code, 'subject.invalid', subject)
  }
  for (const [pattern, code] of [['', 'frame.malformed'], ['a..b', 'pattern.invalid'], ['>.a', 'pattern.invalid'], ['a.>.b', 'pattern.invalid'], ['a*', 'pattern.invalid'], ['a.b>', 'pattern.invalid'], ['**', 'pattern.invalid'], [7, 'frame.malformed'], ['a'.repeat(256), 'frame.malformed']] as const) {
    peer.control(Kind.subscribe, { pattern }, { ref: 1 })
    t.is((await peer.nextError()).code, code, String(pattern))
  }
  for (const body of [undefined, 'a', [], { group: 'g' }, { pattern: 'a', group: 7 }, { pattern: 'a', group: 'two words' }, { pattern: 'a', filter: 7 }]) {
    peer.control(Kind.subscribe, body, { ref: 1 })
    t.is((await peer.nextError()).code, 'frame.malformed', JSON.stringify(body))
  }
  for (const filter of ['=', 'a=', '&&', 'a=1 &&', 'x'.repeat(1025)]) {
    peer.control(Kind.subscribe, { pattern: 'a', filter }, { ref: 1 })
    t.true(['filter.invalid', 'frame.malformed'].includes((await peer.nextError()).code), filter)
  }
  for (const ref of [0, 2 ** 31]) {
    peer.control(Kind.subscribe, { pattern: 'a' }, { ref })
    t.is((await peer.nextError()).code, 'frame.malformed')
  }
  peer.control(Kind.unsubscribe, undefined, { ref: 99 })
  t.is((await peer.nextError()).code, 'subscription.unknown')
  for (const kind of [0, 6, 7, 15, Kind.hello, Kind.welcome, Kind.ok, 29, 255]) {
    peer.send({ kind, subject: 'a' })
    t.is((await peer.nextError()).code, 'frame.unsupported', `kind ${kind}`)
  }
  for (const bit of [3, 4, 6, 7, 9, 11, 12, 13, 14, 15]) {
    peer.publish('a', 1, { flags: 1 << bit })
    t.is((await peer.nextError()).code, 'frame.unsupported', `flag ${bit}`)
  }
  peer.publish('a', 1, { id: 1 })
  t.is((await peer.nextError()).code, 'frame.id_order')
  peer.send({ kind: Kind.response, to: 1, ref: 1, subject: 'a' })
  t.is((await peer.nextError()).code, 'request.not_open')
  await answersPing(t, peer)
  await goesOn(t, here)
})

test('bad input: text that is not UTF-8 is refused, in subjects, headers and lines', async t => {
  const here = await place(t)
  const [peer, script] = await Promise.all([here.broker.native(), here.broker.json()])
  for (const [round, bad] of [[0xff, 0xfe], [0xc3, 0x28], [0xed, 0xa0, 0x80]].entries()) {
    const subject = Buffer.from(encodeFrame({ kind: Kind.publish, id: 100 + 2 * round, subject: 'x'.repeat(bad.length) }))
    subject.set(bad, subject.indexOf('xx'))
    peer.write(subject)
    t.is((await peer.nextError()).code, 'subject.invalid')
    const header = Buffer.from(encodeFrame({ kind: Kind.publish, id: 101 + 2 * round, subject: 'a', headers: { ['x'.repeat(bad.length)]: 'y' } }))
    header.set(bad, header.indexOf('xx'))
    peer.write(header)
    t.is((await peer.nextError()).code, 'frame.malformed')
    script.write(Buffer.concat([Buffer.from('{"type":"'), Buffer.from(bad), Buffer.from('"}\n')]))
    t.like(await script.nextOf('error'), { payload: { code: 'envelope.malformed' } })
  }
  await answersPing(t, peer)
  await goesOn(t, here)
})

test('bad input: wrong lines are refused one by one, and the connection stays', async t => {
  const here = await place(t)
  const script = await here.broker.json()
  const wrong = ['{', '[]', '7', 'null', '"text"', '{}', '{"type":7}', '{"type":""}', '{"type":"nothing"}', '{"type":"event"}', '{"type":"event","channel":7}', '{"type":"event","channel":"command","version":"2.0"}', '{"type":"event","channel":"command","headers":[]}', '{"type":"event","channel":"command","timestamp":"now"}', '{"type":"event","channel":"command","sender":7}', '{"type":"event","channel":"command","receipt":"yes"}', '{"type":"event","id":{},"channel":"command"}', '{"type":"request","channel":"command","timeout":-1}', '{"type":"request","channel":"command","many":1}', '{"type":"response","payload":1}', '{"type":"response","ref":"x","payload":1}', '{"type":"subscribe"}', '{"type":"subscribe","channel":"command","subscription":0}', '{"type":"unsubscribe"}', '{"type":"cancel"}']
  for (const line of wrong) {
    script.write(`${line}\n`)
    if (line === '{"type":"cancel"}') continue
    const { payload } = await script.nextOf('error')
    t.regex((payload as { code: string }).code, /^(?:envelope|frame)\./, line)
  }
  script.say({ type: 'ping', id: 'alive' })
  t.is((await script.nextOf('pong'))['ref'], 'alive')
  await goesOn(t, here)
})

test('bad input: frames and lines without end are cut at the limit, never gathered', async t => {
  const here = await place(t)
  const peer = await here.broker.native()
  peer.write(length(2 * MIB))
  t.is(await peer.ending(), 'frame.too_large')
  const script = await here.broker.json()
  const ending = script.ending()
  const piece = 'x'.repeat(64 * 1024)
  // Goes on until the broker has enough: 1 MiB and the room for headers.
  const pump = (error?: Error | null): void => {
    if (!error) script.socket.write(piece, pump)
  }
  script.write('{"type":"event","payload":"')
  pump()
  t.true(['frame.too_large', 'cut'].includes(await ending))
  const early = await here.broker.openJson()
  early.write(`{${' '.repeat(9000)}`)
  t.is(await early.ending(), 'frame.too_large')
  // Begun and never finished: what is announced is not reserved.
  const before = here.broker.rssBytes()
  const begun = await Promise.all(Array.from({ length: 100 }, () => here.broker.native()))
  for (const each of begun) each.write(Buffer.concat([length(MIB), Buffer.alloc(1000)]))
  for (const each of begun) each.socket.end()
  await Promise.all(begun.map(each => each.closed))
  t.true(here.broker.rssBytes() - before <= 40 * MIB, `${Math.round((here.broker.rssBytes() - before) / MIB)} MiB for 100 unfinished frames`)
  await goesOn(t, here)
})

test('bad input: a handshake that drips ends when its time is over', async t => {
  t.true(await withHandshakeTime(300, limitMs => drip(t, limitMs)))
})

async function drip(t: ExecutionContext, limitMs: number): Promise<void> {
  const here = await place(t, { ipc: { limits: { handshakeTimeout: `${limitMs}ms` } } })
  const hello = encodeFrame({ kind: Kind.hello, id: 1, payload: encode({ auth: { token: here.broker.token } }) })
  const [dripping, lines, silent] = await Promise.all([here.broker.openNative(), here.broker.openJson(), here.broker.openNative()])
  let at = 0
  const drops = setInterval(() => {
    // Its last byte never comes: a broker that is late to look would let it in.
    if (at === hello.length - 1) return
    dripping.write(hello.subarray(at, ++at))
    lines.write(at === 1 ? '{' : ' ')
  }, limitMs / 15)
  t.teardown(() => clearInterval(drops))
  // Who still writes when the broker closes may see that before it reads the goodbye; the log has the name in any case.
  const endings = [await dripping.ending(), await lines.ending()]
  clearInterval(drops)
  t.true(endings.every(ending => ending === 'handshake.timeout' || ending === 'cut'), endings.join(', '))
  // Nothing said, so no dialect to answer in.
  t.is(await silent.ending(), 'cut')
  const { stdout } = await here.broker.callboard.run('logs', '--grep', 'handshake.timeout')
  t.is(stdout.match(/handshake\.timeout: /g)?.length, 3, stdout)
  await goesOn(t, here)
}

test('bad input: noise inside frames of every kind ends no connection but by name, and changes nothing for others', async t => {
  const here = await place(t)
  // Two kinds that a frame may become end it: a goodbye of its own, and memory that it never lent.
  const isRight = (ended: string, became: readonly number[]): boolean => (ended === 'cut' ? became.includes(Kind.goodbye) : became.includes(Kind.lent) && /^(?:memory|frame)\./.test(ended))
  const kinds = [Kind.publish, Kind.request, Kind.response, Kind.part, Kind.error, Kind.subscribe, Kind.unsubscribe, Kind.cancel]
  // One byte of each frame is another; never its length, as that would only begin a frame that does not end.
  const becoming = (byte: number) => ({ kind: Kind.request, at: Offset.kind - 4, byte, payload: new Uint8Array() })
  const spoilt = fc.record({ kind: fc.constantFrom(...kinds), at: fc.nat(), byte: fc.nat(255), payload: fc.uint8Array({ maxLength: 30 }) })
  await fc.assert(
    fc.asyncProperty(fc.array(spoilt, { minLength: 1, maxLength: 60 }), async batch => {
      const peer = await here.broker.native()
      const became = batch.map(({ kind, at, byte, payload }, i) => {
        const frame = encodeFrame({ kind, id: i + 2, ref: i, subject: 'noise', headers: { a: 1 }, payload })
        frame[4 + (at % (frame.length - 4))] = byte
        peer.write(frame)
        return frame[Offset.kind]!
      })
      const id = peer.control(Kind.ping, undefined, { id: 2 ** 52 })
      const ended = await endingBefore(peer, id)
      if (ended !== undefined) t.true(isRight(ended, became), `${ended}, though it sent ${became.join()}`)
      peer.destroy()
      await peer.closed
    }),
    // Each of the two once for certain, as noise comes by them now and then.
    { numRuns: 30, examples: [[[becoming(Kind.goodbye)]], [[becoming(Kind.lent)]]] },
  )
  await goesOn(t, here)
})

// What a client may also write there: an id of any size, flags with a known bit, null for headers or an empty payload.
function isFitting(good: readonly unknown[], field: number, value: unknown): boolean {
  const isPublish = good.length === 8
  const name = (isPublish ? ['kind', 'flags', 'origin', 'id', 'time', 'subject', 'headers', 'payload'] : ['kind', 'flags', 'origin', 'id', 'time', 'to', 'ref', 'subject', 'headers', 'payload'])[field]!
  if (name === 'headers') return value === null || (typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype)
  if (name === 'payload') return value instanceof Uint8Array
  if (name === 'subject') return typeof value === 'string'
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= Number.MAX_SAFE_INTEGER && ['id', 'time', 'ref'].includes(name)
}

/** How the broker ended the connection before it answered the ping: as `ending()`; undefined when the answer came. */
async function endingBefore(peer: NativePeer, ping: number): Promise<string | undefined> {
  let code = 'cut'
  for (;;) {
    const frame = await peer.next().catch(() => undefined)
    if (frame === undefined) return code
    if (frame.kind === Kind.pong && frame.ref === ping) return undefined
    if (frame.kind === Kind.goodbye) ({ code } = decode(frame.payload) as { code: string })
  }
}

async function answersPing(t: ExecutionContext, peer: NativePeer): Promise<void> {
  const id = peer.control(Kind.ping)
  t.is((await peer.nextOf(Kind.pong)).ref, id)
}
