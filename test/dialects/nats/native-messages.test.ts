import test from 'ava'
import fc from 'fast-check'
import { Account, Slice } from '../../../broker/ground/slice.ts'
import { Slab } from '../../../broker/ground/slab.ts'
import { encodeFrame, type FrameInit } from '../../../broker/wire/frame.ts'
import { Flag, Kind } from '../../../broker/wire/layout.ts'
import { NatsPartsWriter } from '../../../broker/wire/nats/nats-parts.ts'
import { nativeMessages } from '../../../dialects/nats/native-messages.ts'
import { plainMessages } from '../../../dialects/nats/plain-messages.ts'
import { frames } from '../../support/frames.ts'
import { natsMessages } from '../../support/nats-text.ts'

const parts = new NatsPartsWriter({ nameOf: origin => `client-${origin}`, textId: (origin, id) => `home.3.${origin}.${id}` })
const slab = new Slab()
const sid = Buffer.from('12')

function sliceOf(inits: readonly FrameInit[]): Slice {
  const bytes = Buffer.concat(inits.map(init => encodeFrame(init)))
  // Not at the beginning of its buffer, as in life.
  const all = Buffer.concat([Buffer.from('before'), bytes, Buffer.from('after')])
  return new Slice(new Uint8Array(all), 6, 6 + bytes.length, inits.length, new Account())
}

const textOf = (slice: Slice | undefined): string | undefined => slice && Buffer.from(slice.bytes.subarray(slice.start, slice.end)).toString('latin1')
// Subjects of the broker have neither spaces nor line ends.
const publishes = fc.array(fc.tuple(frames, fc.string({ unit: fc.constantFrom('a', 'ü', '.', '1'), minLength: 1, maxLength: 20 })).map(([frame, subject]): FrameInit => ({ ...frame, kind: Kind.publish, flags: frame.flags & Flag.payloadType, subject })), { minLength: 1, maxLength: 5 })

test('native messages: those without headers are written in one go as they would be one by one', t => {
  fc.assert(
    fc.property(publishes, fc.boolean(), (inits, readsHeaders) => {
      const slice = sliceOf(inits.map(({ headers: _, ...init }) => init))
      const written = textOf(plainMessages(slice, sid, readsHeaders, parts, slab))
      t.is(written, textOf(nativeMessages(slice, sid, readsHeaders, parts, slab)))
      t.deepEqual(natsMessages(written!).map(({ payload }) => payload), inits.map(({ payload }) => Buffer.from(payload!).toString('latin1')))
    }),
    { numRuns: 500 },
  )
})

test('native messages: where one has headers, or is no publish, all are written one by one', t => {
  const plain = { kind: Kind.publish, subject: 'a' }
  for (const other of [{ ...plain, headers: { a: 1 } }, { kind: Kind.request, subject: 'a' }]) t.is(plainMessages(sliceOf([plain, other]), sid, true, parts, slab), undefined)
})

test('native messages: every message is whole, whatever headers it has', t => {
  fc.assert(
    fc.property(publishes, (inits) => {
      const messages = natsMessages(textOf(nativeMessages(sliceOf(inits), sid, true, parts, slab))!)
      t.deepEqual(messages.map(({ subject }) => subject), inits.map(({ subject }) => Buffer.from(subject!).toString('latin1')))
      for (const [i, { headers, payload }] of messages.entries()) {
        t.is(headers['Callboard-Id'], `home.3.${inits[i]!.origin}.${inits[i]!.id}`)
        t.is(payload, Buffer.from(inits[i]!.payload!).toString('latin1'))
      }
    }),
    { numRuns: 300 },
  )
})
