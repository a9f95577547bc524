import test from 'ava'
import fc from 'fast-check'
import { BrokerError } from '../../../../broker/ground/errors.ts'
import { ServerReader, type ServerEvents } from '../../../../broker/upstream/nats/server-reader.ts'

const text = new TextDecoder()

/** What a reader makes of bytes that come in these pieces. */
function read(chunks: readonly Uint8Array[], maxMessageBytes = 1_000_000): string[] {
  const events: string[] = []
  const shown = (bytes: Uint8Array | undefined): string => (bytes === undefined ? '-' : text.decode(bytes))
  const told: ServerEvents = {
    info: ({ name, maxPayloadBytes, hasHeaders }) => events.push(`info ${name} ${maxPayloadBytes} ${hasHeaders}`),
    message: (sid, subject, reply, headers, payload) => events.push(`message ${sid} ${subject} ${reply ?? '-'} ${shown(headers)} ${shown(payload)}`),
    tooLarge: (sid, subject, bytes) => events.push(`large ${sid} ${subject} ${bytes}`),
    ping: () => events.push('ping'),
    pong: () => events.push('pong'),
    refused: words => events.push(`refused ${words}`),
  }
  const reader = new ServerReader(told, maxMessageBytes)
  for (const chunk of chunks) reader.push(chunk)
  return events
}

const bytes = (words: string): Uint8Array => new TextEncoder().encode(words)
const problemOf = (words: string): string => {
  try {
    read([bytes(words)])
    return 'none'
  } catch (error) {
    return BrokerError.from(error).code
  }
}

const SESSION = 'INFO {"server_name":"n1","max_payload":2048,"headers":true}\r\nPING\r\n+OK\r\nMSG a.b 7 5\r\nhello\r\nMSG a.b 7 _INBOX.x 0\r\n\r\nHMSG ü.c 8 12 17\r\nNATS/1.0\r\n\r\nworld\r\n-ERR \'Slow Consumer\'\r\nPONG\r\nMSG big 9 30\r\n012345678901234567890123456789\r\nPING\r\n'
const EVENTS = ['info n1 2048 true', 'ping', 'message 7 a.b - - hello', 'message 7 a.b _INBOX.x - ', 'message 8 ü.c - NATS/1.0\r\n\r\n world', 'refused Slow Consumer', 'pong', 'large 9 big 30', 'ping']

test('server reader: every message of a server, however it is cut', t => {
  const all = bytes(SESSION)
  t.deepEqual(read([all], 20), EVENTS)
  t.deepEqual(read([...all].map(byte => Uint8Array.of(byte)), 20), EVENTS, 'byte by byte')
  fc.assert(
    fc.property(fc.array(fc.nat({ max: all.length }), { maxLength: 20 }), cuts => {
      const at = [0, ...cuts.toSorted((a, b) => a - b), all.length]
      t.deepEqual(read(at.slice(1).map((end, i) => all.slice(at[i], end)), 20), EVENTS)
    }),
  )
})

test('server reader: what is not the protocol is a named error', t => {
  const wrong = [
    'HTTP/1.1 400 Bad Request\r\n', '\u0000\u0001\u0002\r\n', 'MSG a\r\n', 'MSG a 1 x\r\n', 'MSG a 1 -1\r\n', 'MSG a 1 99999999999\r\n', 'MSG a 1 67108865\r\n', 'MSG a 1 b c d 5\r\n', 'HMSG a 1 20 10\r\n', 'MSG a 1 2\r\nxyz\r\n',
    'INFO {\r\n', 'INFO 5\r\n', 'INFO null\r\n',
  ]
  for (const each of wrong) t.is(problemOf(each), 'bus.protocol', each)
  t.is(problemOf('INFO {"max_payload":"huge","headers":1}\r\n'), 'none', 'members of the wrong type are passed by')
})

test('server reader: nothing that is announced takes memory before it comes, and no line is endless', t => {
  const before = process.memoryUsage().arrayBuffers
  const readers = Array.from({ length: 100 }, () => new ServerReader({ info() {}, message() {}, tooLarge() {}, ping() {}, pong() {}, refused() {} }, 67_108_864))
  for (const reader of readers) reader.push(bytes('MSG a 1 67108864\r\n'))
  t.true(process.memoryUsage().arrayBuffers - before < 10_000_000)
  const endless = new ServerReader({ info() {}, message() {}, tooLarge() {}, ping() {}, pong() {}, refused() {} }, 1000)
  const line = bytes(`INFO {"x":"${'y'.repeat(60_000)}`)
  t.throws(() => {
    for (let i = 0; i < 10; i++) endless.push(line)
  }, { message: /a line of more than/ })
})

test('server reader: whatever bytes come, it takes them or says what is wrong', t => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(...SESSION.split(/(?<=\r\n)/)).map(bytes)), { maxLength: 20 }), chunks => {
      try {
        read(chunks)
      } catch (error) {
        t.is((error as BrokerError).code, 'bus.protocol')
      }
    }),
  )
  t.pass()
})
