import test from 'ava'
import fc from 'fast-check'
import { BrokerError } from '../../../../broker/ground/errors.ts'
import { headerStatus, headerValue, isHeaderName, isHeaderValue, parseHeaderBlock, writeHeaderBlock, type HeaderBlock } from '../../../../broker/wire/nats/header-block.ts'
import { headerBlocks } from '../../../support/nats-headers.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (block: Uint8Array): string => new TextDecoder().decode(block)
const parse = (block: string): HeaderBlock => parseHeaderBlock(bytes(block))

test('header block: what is written is read back', (t) => {
  fc.assert(
    fc.property(headerBlocks, (block) => {
      t.deepEqual(parseHeaderBlock(writeHeaderBlock(block)), block)
    }),
    { numRuns: 500 },
  )
})

test('header block: the first value of a name, and the status, are found without parsing', (t) => {
  fc.assert(
    fc.property(headerBlocks, (block) => {
      const written = writeHeaderBlock(block)
      t.is(headerStatus(written), block.status)
      for (const [name] of block.fields) t.is(headerValue(written, name), block.fields.find((field) => field[0] === name)![1])
      t.is(headerValue(written, 'No-Such-Header'), undefined)
    }),
  )
})

test('header block: written as other clients write it', (t) => {
  t.is(text(writeHeaderBlock({ status: undefined, description: '', fields: [['a', '1'], ['B', 'x y'], ['a', '2']] })), 'NATS/1.0\r\na: 1\r\nB: x y\r\na: 2\r\n\r\n')
  t.is(text(writeHeaderBlock({ status: '503', description: '', fields: [] })), 'NATS/1.0 503\r\n\r\n')
  t.is(text(writeHeaderBlock({ status: '404', description: 'No Messages', fields: [] })), 'NATS/1.0 404 No Messages\r\n\r\n')
})

test('header block: case counts, spaces and tabs around values do not', (t) => {
  t.deepEqual(parse('NATS/1.0\r\nKey:\t v \t\r\nkey:v\r\nempty:\r\nwith: a: b\r\n\r\n').fields, [['Key', 'v'], ['key', 'v'], ['empty', ''], ['with', 'a: b']])
  t.deepEqual(parse('NATS/1.0  503  No Responders \r\n\r\n'), { status: '503', description: 'No Responders', fields: [] })
  t.deepEqual(parse('NATS/1.0 \r\n\r\n'), { status: undefined, description: '', fields: [] })
})

const bad: [what: string, block: string | Uint8Array, problem: RegExp][] = [
  ['nothing', '', /begin with NATS\/1\.0/],
  ['another version', 'NATS/2.0\r\n\r\n', /begin with NATS\/1\.0/],
  ['no empty line', 'NATS/1.0\r\na: b\r\n', /empty line/],
  ['an empty line in the middle', 'NATS/1.0\r\na: b\r\n\r\nc: d\r\n\r\n', /no colon/],
  ['a line without a colon', 'NATS/1.0\r\nhello\r\n\r\n', /no colon/],
  ['an empty name', 'NATS/1.0\r\n: b\r\n\r\n', /name in it is empty/],
  ['a name with a space', 'NATS/1.0\r\na b: c\r\n\r\n', /has a space/],
  ['a folded line', 'NATS/1.0\r\na: b\r\n c: d\r\n\r\n', /has a space/],
  ['a name that is not ASCII', 'NATS/1.0\r\nä: c\r\n\r\n', /not ASCII/],
  ['a line feed alone', 'NATS/1.0\r\na: b\nc: d\r\n\r\n', /line end/],
  ['a status of letters', 'NATS/1.0 abc\r\n\r\n', /three digits/],
  ['a status of four digits', 'NATS/1.0 5031\r\n\r\n', /three digits/],
  ['a status without a space', 'NATS/1.0503\r\n\r\n', /three digits/],
  ['bytes that are not UTF-8', Uint8Array.from([...bytes('NATS/1.0\r\na: '), 0xff, ...bytes('\r\n\r\n')]), /UTF-8/],
]

for (const [what, block, problem] of bad) {
  test(`header block: ${what} is named`, (t) => {
    const error = t.throws(() => parseHeaderBlock(typeof block === 'string' ? bytes(block) : block), { instanceOf: BrokerError, code: 'nats.malformed' })
    t.regex(error.message, problem)
  })
}

test('header block: what cannot stand in one is not written', (t) => {
  const block = (name: string, value: string) => () => writeHeaderBlock({ status: undefined, description: '', fields: [[name, value]] })
  for (const name of ['', 'a b', 'a:b', 'a\r\nb', 'ü', 'a\u0000']) t.throws(block(name, 'x'), { instanceOf: BrokerError, code: 'nats.malformed' }, name)
  for (const value of ['a\r\nb: c', 'a\nb', 'a\r', ' a', 'a\t', '\ud800']) t.throws(block('a', value), { instanceOf: BrokerError, code: 'nats.malformed' }, value)
  t.throws(() => writeHeaderBlock({ status: '50', description: '', fields: [] }), { code: 'nats.malformed' })
  t.throws(() => writeHeaderBlock({ status: '503 x', description: '', fields: [] }), { code: 'nats.malformed' })
  t.throws(() => writeHeaderBlock({ status: '503', description: 'a\r\nb', fields: [] }), { code: 'nats.malformed' })
})

test('header block: random bytes are parsed or refused by name, never anything else', (t) => {
  const piece = fc.oneof(fc.constantFrom('NATS/1.0', '\r\n', ': ', ' ', '503', 'a', '\t', '\n', '\u00a0', 'ü'), fc.string({ maxLength: 3 }))
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const block = bytes(`NATS/1.0${pieces.join('')}\r\n\r\n`)
      try {
        const { fields } = parseHeaderBlock(block)
        t.true(fields.every(([name, value]) => isHeaderName(name) && isHeaderValue(value)))
      } catch (error) {
        if (!(error instanceof BrokerError && error.code === 'nats.malformed')) throw error
      }
    }),
    { numRuns: 3000 },
  )
})
