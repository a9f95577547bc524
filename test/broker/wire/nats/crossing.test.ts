// A message that crosses from native to NATS and back, or the other way round, is the same message.

import test from 'ava'
import fc from 'fast-check'
import { encodePayload } from '../../../../broker/ground/payload.ts'
import { Flag, Kind } from '../../../../broker/ground/kind.ts'
import { isCanonical } from '../../../../broker/wire/canonical.ts'
import { decodeFrame, encodeFrame, writeFrame, type Headers } from '../../../../broker/wire/frame.ts'
import { parseHeaderBlock, writeHeaderBlock, type HeaderBlock } from '../../../../broker/wire/nats/header-block.ts'
import { nativeFrame } from '../../../../broker/wire/nats/native-frame.ts'
import { NatsPartsWriter, type NatsParts } from '../../../../broker/wire/nats/nats-parts.ts'
import { frames } from '../../../support/frames.ts'
import { headerBlocks, headerValues } from '../../../support/nats-headers.ts'

const names = { nameOf: (origin: number) => `client-${origin}`, textId: (origin: number, id: number) => `home.3.${origin}.${id}` }
const writer = new NatsPartsWriter(names)
const utf8 = new TextEncoder()
const text = new TextDecoder()
const OWN = new Set(['Callboard-Sender', 'Callboard-Id', 'Callboard-Time'])

const toNats = (frame: Uint8Array): NatsParts => writer.parts(frame, 0, frame.length)
const fromNats = (parts: { headers: Uint8Array | undefined; payload: Uint8Array; replyTo?: string | undefined; isSenderChecked?: boolean; kind?: number }): Uint8Array =>
  nativeFrame({ subject: 'a.b', kind: Kind.publish, origin: 7, id: 8, timeMicros: 9, ...parts })

/** All that a block says, without the order among different names. */
function meaning({ status, description, fields }: HeaderBlock): unknown {
  const values = new Map<string, string[]>()
  for (const [name, value] of fields) if (!OWN.has(name)) values.set(name, [...(values.get(name) ?? []), value])
  return { status, description, values: [...values].toSorted(([a], [b]) => (a < b ? -1 : 1)) }
}

const block = (...fields: [string, string][]): Uint8Array => writeHeaderBlock({ status: undefined, description: '', fields })
const fieldsOf = (parts: NatsParts): Record<string, string> => Object.fromEntries(parseHeaderBlock(parts.headers).fields)
const publish = (headers: Headers | undefined, payload: Uint8Array = new Uint8Array(0), flags = 0): Uint8Array => encodeFrame({ kind: Kind.publish, flags, origin: 12, id: 34, time: 56, subject: 'a.b', payload, ...(headers === undefined ? {} : { headers }) })

const special = fc.record(
  {
    mid: fc.oneof(fc.string(), fc.integer()),
    ttl: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    sentAt: fc.oneof(fc.maxSafeNat(), fc.string()),
    receipt: fc.constantFrom('accepted', 'delivered'),
    sender: fc.constantFrom('client-1', 'a program', 'main'),
    traceparent: fc.oneof(fc.string(), fc.constant('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01')),
    tracestate: fc.string(),
    replyTo: fc.constant('_INBOX.x.y'),
    Traceparent: fc.string(),
    'Content-Type': fc.oneof(fc.constantFrom('application/json', 'application/json; charset=utf-8', 'TEXT/plain', 'image/png'), fc.string()),
    'content-type': fc.oneof(fc.constantFrom('application/json', 'image/png'), fc.array(fc.string(), { maxLength: 3 })),
    'Nats-Msg-Id': fc.string(),
    'nats-msg-id': fc.string(),
    'Callboard-Id': fc.string(),
    'Callboard-Form': fc.string(),
    'callboard-header-x': fc.string(),
    'nats:status': fc.oneof(fc.constantFrom('503', '503 No Responders', '404 ', '503  x', '50'), fc.string()),
    'nats:mid': fc.string(),
    'nats:__proto__': fc.string(),
    'nats:block': fc.uint8Array({ maxLength: 9 }),
    list: fc.array(fc.string(), { maxLength: 3 }),
    lines: fc.constantFrom('a\r\nb: c', ' a', 'a\t', '\u{1F600}', ''),
    deep: fc.constantFrom([[[[[['x']]]]]], { a: { b: [1, { c: null }] } }, [1], ['one'], Infinity, 2 ** 53),
  },
  { requiredKeys: [] },
)

test('crossing: native to NATS and back keeps headers, type and payload', (t) => {
  fc.assert(
    fc.property(frames, special, (frame, extra) => {
      // A word of three letters comes by chance now and then, with a value that the broker does not let in.
      const { ttl: _ttl, mid: _mid, sig: _sig, ...own } = frame.headers ?? {}
      const headers = { ...own, ...extra }
      const given = Object.keys(headers).length === 0 ? undefined : headers
      const flags = frame.flags & Flag.payloadType
      const native = encodeFrame({ ...frame, kind: Kind.publish, flags, headers: given })
      const there = toNats(native)
      t.is(there.replyTo, extra.replyTo)
      const back = fromNats({ ...there, isSenderChecked: true })
      t.true(isCanonical(back, 0, back.length))
      const { headers: kept, flags: keptFlags, payload } = decodeFrame(back, 0, back.length)
      t.deepEqual(payload, frame.payload)
      t.is(keptFlags & Flag.payloadType, flags)
      // The sender is told whether the message said it or not; a signature does not cover the new form.
      const { sender = names.nameOf(frame.origin), sig: _, ...others }: Headers = headers
      t.deepEqual(sorted(kept!), sorted({ ...others, sender }))
    }),
    { numRuns: 1000 },
  )
})

function sorted(headers: Headers): unknown {
  return Object.entries(headers).toSorted(([a], [b]) => (a < b ? -1 : 1))
}

test('crossing: NATS to native and back keeps status, headers and payload', (t) => {
  fc.assert(
    fc.property(headerBlocks, fc.option(headerValues), fc.uint8Array({ maxLength: 50 }), (given, contentType, payload) => {
      const headers = contentType === null ? given : { ...given, fields: [...given.fields, ['Content-Type', contentType] as const] }
      const native = fromNats({ headers: writeHeaderBlock(headers), payload })
      t.true(isCanonical(native, 0, native.length))
      const back = toNats(native)
      t.deepEqual(back.payload, payload)
      t.deepEqual(meaning(parseHeaderBlock(back.headers)), meaning(headers))
    }),
    { numRuns: 1000 },
  )
})

test('crossing: a message without headers says who sent it, which one it is and when', (t) => {
  const plain = toNats(publish(undefined, utf8.encode('hello')))
  t.is(text.decode(plain.headers), 'NATS/1.0\r\nCallboard-Sender: client-12\r\nCallboard-Id: home.3.12.34\r\nCallboard-Time: 56\r\n\r\n')
  t.is(text.decode(plain.payload), 'hello')
  const json = toNats(publish(undefined, utf8.encode('{}'), 2))
  t.is(text.decode(json.headers), 'NATS/1.0\r\nContent-Type: application/json\r\nCallboard-Sender: client-12\r\nCallboard-Id: home.3.12.34\r\nCallboard-Time: 56\r\n\r\n')
})

test('crossing: the short way of messages without headers says the same as the long one', (t) => {
  fc.assert(
    fc.property(frames, (frame) => {
      const init = { ...frame, kind: Kind.publish, flags: frame.flags & Flag.payloadType, headers: undefined }
      const short = parseHeaderBlock(toNats(encodeFrame(init)).headers)
      // An empty map is headers too.
      const long = parseHeaderBlock(toNats(writeFrame(init, utf8.encode(frame.subject), Uint8Array.of(0x80))).headers)
      t.deepEqual(short, long)
      t.deepEqual(Object.fromEntries(short.fields.slice(-3)), { 'Callboard-Sender': `client-${frame.origin}`, 'Callboard-Id': `home.3.${frame.origin}.${frame.id}`, 'Callboard-Time': String(frame.time) })
    }),
    { numRuns: 300 },
  )
})

test('crossing: what NATS clients read of native headers', (t) => {
  const headers = { mid: 'msg-1', ttl: 500, priority: 5, note: 'a b', tags: ['x', 'y'], meta: { a: [true] }, raw: Uint8Array.of(1, 2), lines: 'a\r\nb', 'with space': 'v', traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', sig: new Uint8Array(32) }
  t.deepEqual(parseHeaderBlock(toNats(publish(headers)).headers).fields.slice(0, -3), [
    ['Nats-Msg-Id', 'msg-1'],
    ['Callboard-TTL', '500'],
    ['priority', '5'],
    ['note', 'a b'],
    ['tags', 'x'],
    ['tags', 'y'],
    ['meta', '{"a":[true]}'],
    ['raw', 'AQI='],
    ['lines', '"a\\r\\nb"'],
    ['Callboard-Header-d2l0aCBzcGFjZQ', 'v'],
    ['traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'],
    ['Callboard-Form', 'priority json'],
    ['Callboard-Form', 'meta json'],
    ['Callboard-Form', 'raw base64'],
    ['Callboard-Form', 'lines json'],
  ])
})

test('crossing: dates and integers past 2^53 come back as they are', (t) => {
  const headers = encodePayload({ big: 2n ** 60n, at: new Date(1234) }).bytes
  const native = writeFrame({ kind: Kind.publish }, utf8.encode('a'), headers)
  const back = fromNats(toNats(native))
  const { big, at } = decodeFrame(back, 0, back.length).headers!
  t.is(big as number, 2 ** 60)
  t.deepEqual(at, new Date(1234))
  t.true(Buffer.from(back).includes(Buffer.from('cf1000000000000000', 'hex')), 'all digits are there')
})

test('crossing: nobody says by NATS headers who he is', (t) => {
  const forged = block(['Callboard-Sender', 'owner'], ['sender', 'owner'], ['Callboard-Header-c2VuZGVy', 'owner'], ['callboard-sender', 'owner'], ['Callboard-Id', 'x'])
  const frame = fromNats({ headers: forged, payload: new Uint8Array(0) })
  t.deepEqual(decodeFrame(frame, 0, frame.length).headers, { 'nats:sender': 'owner' })
  const checked = fromNats({ headers: forged, payload: new Uint8Array(0), isSenderChecked: true })
  t.is(decodeFrame(checked, 0, checked.length).headers!['sender'], 'owner')
})

test('crossing: what is asked of the broker must be valid, otherwise it is left out', (t) => {
  for (const [name, value] of [['Callboard-TTL', '0'], ['Callboard-TTL', '1.5'], ['Callboard-TTL', '2147483648'], ['Callboard-TTL', '-1'], ['Callboard-TTL', 'x'], ['Callboard-Receipt', 'maybe']] as const) {
    const frame = fromNats({ headers: block([name, value]), payload: new Uint8Array(0) })
    t.is(decodeFrame(frame, 0, frame.length).headers, undefined, `${name}: ${value}`)
  }
  const twice = fromNats({ headers: block(['Callboard-TTL', '5'], ['Callboard-TTL', '6']), payload: new Uint8Array(0) })
  t.is(decodeFrame(twice, 0, twice.length).headers, undefined)
})

test('crossing: values whose form is not what they are stay the texts that they are', (t) => {
  const deep = `${'['.repeat(40)}1${']'.repeat(40)}`
  const given: [string, string][] = [['a', '{'], ['b', 'ü'], ['c', 'AQ'], ['d', deep], ['e', '{"__proto__":1}'], ['f', '3f////8='], ['g', '1']]
  const forms: [string, string][] = [['Callboard-Form', 'a json'], ['Callboard-Form', 'b base64'], ['Callboard-Form', 'c base64'], ['Callboard-Form', 'd json'], ['Callboard-Form', 'e json'], ['Callboard-Form', 'f msgpack'], ['Callboard-Form', 'g yaml'], ['Callboard-Form', 'x']]
  const frame = fromNats({ headers: block(...given, ...forms), payload: new Uint8Array(0) })
  t.true(isCanonical(frame, 0, frame.length))
  t.deepEqual(decodeFrame(frame, 0, frame.length).headers, Object.fromEntries(given))
})

test('crossing: forms do not make a message outgrow its block', (t) => {
  const numbers = JSON.stringify(Array.from({ length: 2000 }, (_, i) => i + 0.5))
  const headers = block(['mid', 'own'], ['Nats-Msg-Id', numbers], ['Callboard-Form', 'Nats-Msg-Id json'])
  const frame = fromNats({ headers, payload: new Uint8Array(0) })
  t.true(frame.length < headers.length + 200, `${frame.length} bytes of ${headers.length}`)
  t.deepEqual(decodeFrame(frame, 0, frame.length).headers, { 'nats:mid': 'own', mid: numbers })
})

test('crossing: a block that cannot be read goes along as bytes', (t) => {
  const bad = utf8.encode('NATS/1.0\r\nno colon\r\n\r\n')
  const frame = fromNats({ headers: bad, payload: utf8.encode('x'), replyTo: 'r' })
  t.deepEqual(decodeFrame(frame, 0, frame.length).headers, { 'nats:block': bad, replyTo: 'r' })
  t.is(decodeFrame(frame, 0, frame.length).flags & Flag.payloadType, 0)
})

test('crossing: only a subject becomes a reply subject', (t) => {
  for (const replyTo of ['a b', 'a\r\nPUB x 0', '', 'a.*', '>', 'x'.repeat(256), 5]) {
    const parts = toNats(publish({ replyTo }))
    t.is(parts.replyTo, undefined)
    t.false(text.decode(parts.headers).includes('PUB'))
  }
  t.is(toNats(publish({ replyTo: '_INBOX.a' })).replyTo, '_INBOX.a')
})

test('crossing: a program with line ends in its name writes no headers', (t) => {
  t.is(fieldsOf(toNats(publish({ sender: 'a\r\nX: y' })))['Callboard-Sender'], 'client-12')
})

const answer = (body: unknown): Uint8Array => encodeFrame({ kind: Kind.error, flags: 1, origin: 12, id: 34, time: 56, to: 1, ref: 2, payload: encodePayload(body).bytes })

test('crossing: an error answer tells NATS clients its number, its text and its code', (t) => {
  const body = { code: 'request.failed', message: 'request.failed: no\r\nroom', retryable: false, details: { message: 'no\r\nroom' } }
  const there = toNats(answer(body))
  t.like(fieldsOf(there), { 'Nats-Service-Error-Code': '4038', 'Nats-Service-Error': 'request.failed: no room', 'Callboard-Error': 'request.failed', 'Content-Type': 'application/msgpack' })
  const back = fromNats({ ...there, kind: Kind.response })
  t.is(decodeFrame(back, 0, back.length).kind, Kind.error)
  t.deepEqual(decodeFrame(back, 0, back.length).payload, there.payload)
})

test('crossing: codes of applications, and bodies that are none', (t) => {
  t.like(fieldsOf(toNats(answer({ code: 'shop.closed', message: 'come back tomorrow', retryable: true }))), { 'Nats-Service-Error-Code': '500', 'Nats-Service-Error': 'come back tomorrow', 'Callboard-Error': 'shop.closed' })
  for (const body of [null, 5, {}, { code: 5, message: [] }, ['x']]) t.like(fieldsOf(toNats(answer(body))), { 'Nats-Service-Error-Code': '4038', 'Nats-Service-Error': 'the responder failed' })
  const broken = encodeFrame({ kind: Kind.error, flags: 1, payload: Uint8Array.of(0xc1) })
  t.is(fieldsOf(toNats(broken))['Nats-Service-Error'], 'the responder failed')
})

test('crossing: a code of the application\'s own is the one that is told, and comes back as the SDK sends it', (t) => {
  const there = toNats(answer({ code: 'request.failed', message: 'no', retryable: false, details: { code: 'shop.closed', message: 'no' } }))
  t.like(fieldsOf(there), { 'Nats-Service-Error-Code': '500', 'Callboard-Error': 'shop.closed' })
  const frame = fromNats({ headers: block(['Nats-Service-Error', 'no'], ['Callboard-Error', 'shop.closed']), payload: new Uint8Array(0), kind: Kind.response })
  t.deepEqual(decodeBody(decodeFrame(frame, 0, frame.length).payload), { code: 'request.failed', message: 'no', retryable: false, details: { code: 'shop.closed' } })
})

test('crossing: an error of a NATS service is an error answer', (t) => {
  const frame = fromNats({ headers: block(['Nats-Service-Error-Code', '400'], ['Nats-Service-Error', 'bad input']), payload: utf8.encode('field x'), kind: Kind.response })
  const { kind, flags, payload } = decodeFrame(frame, 0, frame.length)
  t.is(kind, Kind.error)
  t.is(flags & Flag.payloadType, 1)
  t.deepEqual(decodeBody(payload), { code: 'request.failed', message: 'bad input', retryable: false, details: { serviceErrorCode: 400, data: 'field x' } })
  t.like(fieldsOf(toNats(frame)), { 'Nats-Service-Error-Code': '400', 'Nats-Service-Error': 'bad input' })
  const known = fromNats({ headers: block(['Nats-Service-Error-Code', 'E1'], ['Callboard-Error', 'request.timeout']), payload: Uint8Array.of(0xff), kind: Kind.response })
  t.deepEqual(decodeBody(decodeFrame(known, 0, known.length).payload), { code: 'request.timeout', message: 'the responder answered with error E1', retryable: true, details: { serviceErrorCode: 'E1' } })
})

test('crossing: the same headers on a publish are headers', (t) => {
  const frame = fromNats({ headers: block(['Nats-Service-Error', 'x']), payload: utf8.encode('y') })
  t.like(decodeFrame(frame, 0, frame.length), { kind: Kind.publish, headers: { 'Nats-Service-Error': 'x' } })
})

function decodeBody(payload: Uint8Array): unknown {
  return decodeFrame(writeFrame({ kind: Kind.publish }, utf8.encode('a'), payload), 0, payload.length + 41).headers
}
