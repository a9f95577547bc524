import { createHmac } from 'node:crypto'
import test from 'ava'
import fc from 'fast-check'
import { decodeFrame, encodeFrame } from '../../broker/wire/frame.ts'
import { isCanonical } from '../../broker/wire/canonical.ts'
import { Flag, Kind, Offset } from '../../broker/wire/layout.ts'
import { encodeSigned } from '../../client/signer.ts'
import { TOKEN } from '../support/scripted-broker.ts'
import { scriptedClient } from '../support/scripted-client.ts'

const hmac = (key: Uint8Array, data: Uint8Array): Uint8Array => createHmac('sha256', key).update(data).digest()
const key = new TextEncoder().encode(TOKEN)
const HEADER = Uint8Array.of(0xa3, 0x73, 0x69, 0x67, 0xc4, 0x20)

/** The signature by the words of docs/protocol.md section 6: found by its bytes, the rest covered. */
function expectedSignature(frame: Uint8Array): Buffer {
  const bytes = Buffer.from(frame)
  const isPublish = bytes[Offset.kind] === Kind.publish
  const payloadAt = bytes.length - decodeFrame(frame, 0, frame.length).payload.length - 5
  const headerAt = payloadAt - 38
  if (!bytes.subarray(headerAt, headerAt + 6).equals(HEADER)) throw new Error('sig is not the last header')
  return createHmac('sha256', TOKEN)
    .update(bytes.subarray(6, 7))
    .update(bytes.subarray(8, 10))
    .update(bytes.subarray(16, 24))
    .update(isPublish ? '' : bytes.subarray(39, 47))
    .update(bytes.subarray(isPublish ? 34 : 48, headerAt))
    .update(bytes.subarray(payloadAt))
    .digest()
}

test('signer: every message is canonical, keeps its fields and carries the signature of the protocol page', t => {
  const headers = fc.dictionary(fc.constantFrom('a', 'sig', '1', 'mid'), fc.oneof(fc.string(), fc.integer()), { noNullPrototype: true })
  fc.assert(
    fc.property(fc.constantFrom(1, 2, 3, 4, 5), fc.nat(), fc.nat(), fc.option(headers, { nil: undefined }), fc.uint8Array({ maxLength: 300 }), (kind, id, ref, some, payload) => {
      const frame = { kind, id, subject: 'a.b', headers: some, payload, ...(kind === Kind.publish ? {} : { ref, to: 5 }) }
      const bytes = encodeSigned(frame, key, hmac)
      t.true(isCanonical(bytes, 0, bytes.length))
      const decoded = decodeFrame(bytes, 0, bytes.length)
      t.is(decoded.flags, Flag.signed | Flag.headers)
      t.deepEqual(Buffer.from(decoded.headers?.['sig'] as Uint8Array), expectedSignature(bytes))
      t.deepEqual(Object.keys(decoded.headers!).at(-1), 'sig')
      t.deepEqual([decoded.id, decoded.ref, Array.from(decoded.payload)], [id, kind === Kind.publish ? 0 : ref, Array.from(payload)])
    }),
  )
})

test('signer: the client signs messages when the welcome asks for it, and nothing else', async t => {
  const { client, peer } = await scriptedClient(t, {}, { signature: true })
  await client.publish('a', 'x')
  const frame = await peer.nextOf(Kind.publish)
  const bytes = encodeFrame({ ...frame, origin: 0, time: 0 })
  t.deepEqual(Buffer.from(frame.headers?.['sig'] as Uint8Array), expectedSignature(bytes))
  client.subscribe('b')
  t.is((await peer.nextOf(Kind.subscribe)).flags & Flag.signed, 0)
})
