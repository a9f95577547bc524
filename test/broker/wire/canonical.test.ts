import test from 'ava'
import fc from 'fast-check'
import { BrokerError } from '../../../broker/ground/errors.ts'
import { isCanonical, rewrite } from '../../../broker/wire/canonical.ts'
import { decodeFrame, encodeFrame, type Frame } from '../../../broker/wire/frame.ts'
import { Flag, Kind, Offset } from '../../../broker/wire/layout.ts'
import { choices, encodeLoosely, encodeValue, frames } from '../../support/frames.ts'

const whole = (bytes: Uint8Array): [Uint8Array, number, number] => [bytes, 0, bytes.length]
const picks = fc.array(fc.nat({ max: 1000 }), { maxLength: 40 })
const plain: Frame = { kind: Kind.request, flags: 0, origin: 0, id: 7, time: 0, to: 5000, ref: 0, subject: 'a.b', headers: undefined, payload: Uint8Array.of(1, 2, 3) }
const canonicalRuns = { numRuns: 1000 }

/** What `call` gives, or the code of the BrokerError that it throws; anything else that is thrown fails the test. */
function outcome<T>(call: () => T): T | string {
  try {
    return call()
  } catch (error) {
    if (error instanceof BrokerError) return error.code
    throw error
  }
}

test('canonical: what encodeFrame writes is canonical and reads back the same', t => {
  fc.assert(
    fc.property(frames, frame => {
      const bytes = encodeFrame(frame)
      t.true(isCanonical(...whole(bytes)))
      t.deepEqual(decodeFrame(...whole(bytes)), frame)
    }),
    canonicalRuns,
  )
})

test('canonical: any MessagePack encoding of a frame is rewritten to the canonical one', t => {
  fc.assert(
    fc.property(frames, picks, (frame, numbers) => {
      const loose = encodeLoosely(frame, choices(numbers))
      const strict = rewrite(...whole(loose))
      t.true(isCanonical(...whole(strict)))
      t.deepEqual(decodeFrame(...whole(strict)), frame)
      if (frame.headers === undefined) t.deepEqual(strict, encodeFrame(frame))
      // The other way round: whoever chose another encoding for a field outside the headers is told apart.
      if (isCanonical(...whole(loose))) t.deepEqual(loose, strict)
    }),
    canonicalRuns,
  )
})

test('canonical: headers keep their encoding through a rewrite', t => {
  fc.assert(
    fc.property(frames.filter(frame => frame.headers !== undefined), picks, (frame, numbers) => {
      const headers = encodeValue(frame.headers, choices(numbers))
      const fields = [frame.kind, frame.flags, frame.origin, frame.id, frame.time, ...(frame.kind === Kind.publish ? [] : [frame.to, frame.ref]), frame.subject]
      const body = [0x90 | (fields.length + 2), ...fields.flatMap(field => encodeValue(field, choices(numbers))), ...headers, ...encodeValue(frame.payload, choices(numbers))]
      t.true(Buffer.from(rewrite(...whole(Uint8Array.from([0, 0, 0, 0, ...body])))).includes(Buffer.from(headers)))
    }),
  )
})

test('canonical: a frame is judged where it stands, not by what stands around it', t => {
  fc.assert(
    fc.property(frames, fc.uint8Array(), fc.uint8Array(), picks, (frame, before, after, numbers) => {
      for (const bytes of [encodeFrame(frame), encodeLoosely(frame, choices(numbers))]) {
        const around = Uint8Array.from([...before, ...bytes, ...after])
        const [start, end] = [before.length, before.length + bytes.length]
        t.is(isCanonical(around, start, end), isCanonical(...whole(bytes)))
        t.deepEqual(rewrite(around, start, end), rewrite(...whole(bytes)))
      }
    }),
  )
})

test('canonical: whatever is accepted decodes, and writes the same bytes again', t => {
  // One byte changed, or the end cut off or grown, is how bytes that are nearly a frame look.
  const damage = fc.oneof(
    fc.record({ at: fc.nat(), byte: fc.nat({ max: 255 }) }).map(({ at, byte }) => (bytes: Uint8Array) => bytes.with(at % bytes.length, byte)),
    fc.nat().map(cut => (bytes: Uint8Array) => bytes.subarray(0, bytes.length - (cut % bytes.length))),
    fc.uint8Array({ minLength: 1, maxLength: 9 }).map(more => (bytes: Uint8Array) => Uint8Array.from([...bytes, ...more])),
  )
  fc.assert(
    fc.property(frames, fc.array(damage, { minLength: 1, maxLength: 3 }), (frame, damages) => {
      let bytes: Uint8Array = encodeFrame(frame)
      for (const apply of damages) bytes = apply(bytes)
      const isAccepted = outcome(() => isCanonical(...whole(bytes)))
      t.true(typeof isAccepted === 'boolean' || isAccepted === 'frame.malformed')
      const rewritten = outcome(() => rewrite(...whole(bytes)))
      if (typeof rewritten === 'string') t.is(rewritten, 'frame.malformed')
      else t.true(isCanonical(...whole(rewritten)))
      if (isAccepted !== true) return
      const decoded = outcome(() => decodeFrame(...whole(bytes)))
      // UTF-8 of the subject is not looked at on the way in; whoever reads the subject finds out.
      if (typeof decoded === 'string') t.is(decoded, 'frame.malformed')
      else if (decoded.headers === undefined) t.deepEqual(encodeFrame(decoded).subarray(4), bytes.slice(4))
      else t.deepEqual(decodeFrame(...whole(encodeFrame(decoded))), decoded)
    }),
    { numRuns: 3000 },
  )
})

test('canonical: random bytes are refused by name', t => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 5, maxLength: 200 }), bytes => {
      const isAccepted = outcome(() => isCanonical(...whole(bytes)))
      t.true(isAccepted === false || isAccepted === 'frame.malformed')
      t.is(outcome(() => rewrite(...whole(bytes))), 'frame.malformed')
    }),
    { numRuns: 3000 },
  )
})

const wrong: [string, (fields: unknown[]) => unknown, RegExp][] = [
  ['no array', () => 'text', /not an array/],
  ['too few fields', fields => fields.slice(1), /./],
  ['a field too many', fields => [...fields, 1], /has 10 fields, this one has 11/],
  ['a kind that is text', fields => fields.with(0, 'publish'), /kind must be an integer of 0\.\.255/],
  ['flags above 16 bits', fields => fields.with(1, 0x10000), /flags must be/],
  ['a negative origin', fields => fields.with(2, -1), /origin must be/],
  ['an id above 2^53-1', fields => fields.with(3, 2 ** 53), /id must be/],
  ['a broken time', fields => fields.with(4, 1.5), /time must be/],
  ['to above 32 bits', fields => fields.with(5, 2 ** 32), /to must be/],
  ['ref that is nil', fields => fields.with(6, null), /ref must be/],
  ['a subject of bytes', fields => fields.with(7, Uint8Array.of(65)), /subject is not a string/],
  ['a subject of 256 bytes', fields => fields.with(7, 'x'.repeat(256)), /256 bytes, at most 255/],
  ['headers that are a list', fields => fields.with(8, []), /headers must be nil or a map/],
  ['a payload of text', fields => fields.with(9, 'text'), /payload is not binary/],
]

for (const [name, change, message] of wrong) {
  test(`canonical: refuses ${name}`, t => {
    const { kind, flags, origin, id, time, to, ref, subject, headers, payload } = plain
    const body = encodeValue(change([kind, flags, origin, id, time, to, ref, subject, headers, payload]), choices([]))
    const error = t.throws(() => rewrite(...whole(Uint8Array.from([0, 0, 0, body.length, ...body]))), { instanceOf: BrokerError, code: 'frame.malformed' })
    t.regex(error.message, message)
  })
}

test('canonical: refuses bytes behind the last field', t => {
  const bytes = encodeLoosely(plain, choices([]))
  t.throws(() => rewrite(...whole(Uint8Array.from([...bytes, 0xc0]))), { message: /1 bytes stand behind/ })
})

test('canonical: a subject that is not UTF-8 is refused, not repaired', t => {
  const bytes = encodeLoosely(plain, choices([]))
  bytes[bytes.indexOf(0x61)] = 0xff
  t.throws(() => rewrite(...whole(bytes)), { message: /subject is not valid UTF-8/ })
})

test('canonical: the flag for headers and the headers must agree, a rewrite makes them', t => {
  const bytes = encodeFrame(plain)
  bytes[Offset.flags + 1] = Flag.headers
  t.false(isCanonical(...whole(bytes)))
  t.deepEqual(rewrite(...whole(bytes)), encodeFrame(plain))
  const headed = encodeFrame({ ...plain, headers: { a: 1 } })
  headed[Offset.flags + 1] = 0
  t.false(isCanonical(...whole(headed)))
  t.deepEqual(rewrite(...whole(headed)), encodeFrame({ ...plain, headers: { a: 1 } }))
})

for (const [name, offset] of [['id', Offset.id], ['time', Offset.time], ['ref', Offset.ref]] as const) {
  test(`canonical: ${name} above 2^53-1 is refused`, t => {
    const bytes = encodeFrame(plain)
    bytes[offset + 1] = 0x20
    t.false(isCanonical(...whole(bytes)))
    t.throws(() => rewrite(...whole(bytes)), { message: new RegExp(`${name} must be an integer`) })
  })
}
