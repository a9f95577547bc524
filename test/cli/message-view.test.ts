import test from 'ava'
import { payloadText } from '../../cli/message-view.ts'

test('message view: bytes that are text are shown as text, as NATS clients never say that they send text', t => {
  t.is(payloadText(Buffer.from('Grüße\tan\nalle')), 'Grüße\tan\nalle')
  t.is(payloadText(Buffer.from('')), '')
  t.is(payloadText(Buffer.from('{"n": 1')), '{"n": 1')
})

test('message view: other bytes are shown in base64, and never reach the terminal as they are', t => {
  for (const bytes of [[0xff, 0xfe], [0x68, 0x69, 0x00], [0x1b, 0x5b, 0x32, 0x4a], [0xc2, 0x9b]]) {
    t.deepEqual(JSON.parse(payloadText(Uint8Array.from(bytes))), { $base64: Buffer.from(bytes).toString('base64') })
  }
})

test('message view: bytes inside of a value stay what they are', t => {
  t.deepEqual(JSON.parse(payloadText({ key: Buffer.from('hi') })), { key: { $base64: 'aGk=' } })
})
