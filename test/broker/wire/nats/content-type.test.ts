import test from 'ava'
import fc from 'fast-check'
import { contentTypeOf, payloadTypeOf, saidType } from '../../../../broker/wire/nats/content-type.ts'
import { PayloadType } from '../../../../broker/ground/payload-type.ts'

const utf8 = new TextEncoder()
const payload = fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.json().map(text => utf8.encode(text)), fc.constantFrom('{}', '[]', '{', '}', '{"a":1}', '[1]', '{]').map(text => utf8.encode(text)))
const type = fc.constantFrom(...Object.values(PayloadType))

test('content type: what is said of a payload of any type is read back as that type, also where nothing is said', t => {
  fc.assert(
    fc.property(type, payload, (of, bytes) => {
      const said = contentTypeOf(saidType(of, bytes))
      t.is(payloadTypeOf(said === undefined ? [] : [said], bytes), of)
    }),
  )
})

test('content type: of what nothing is said, objects and lists of JSON are JSON, and all else is bytes', t => {
  fc.assert(fc.property(fc.json(), text => t.is(payloadTypeOf([], utf8.encode(text)), /^[[{]/.test(text) ? PayloadType.json : PayloadType.bytes)))
  for (const text of ['', '{', 'hello', '{]', '"a"', '12', 'null']) t.is(payloadTypeOf([], utf8.encode(text)), PayloadType.bytes, text)
})
