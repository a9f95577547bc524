import test from 'ava'
import fc from 'fast-check'
import { BrokerError } from '../../../broker/ground/errors.ts'
import { compileFilter, type FilterMessage } from '../../../broker/ground/filter.ts'
import { anyText } from '../../support/any-text.ts'

const message = (payload: unknown, rest: Partial<FilterMessage> = {}): FilterMessage => ({
  subject: 'events.host',
  type: 'event',
  sender: 'tail',
  headers: undefined,
  value: () => payload,
  ...rest,
})

const passes = (filter: string, payload: unknown, rest: Partial<FilterMessage> = {}): boolean => compileFilter(filter).test(message(payload, rest))

test('filter: equality takes a word as the string, and as the value it spells', t => {
  t.true(passes('type=status', { type: 'status' }))
  t.false(passes('type=status', { type: 'statuses' }))
  t.true(passes('code=404', { code: 404 }))
  t.true(passes('code=404', { code: '404' }))
  t.true(passes('code=4.04e2', { code: 404 }))
  t.true(passes('ready=true', { ready: true }))
  t.true(passes('ready=true', { ready: 'true' }))
  t.true(passes('owner=null', { owner: null }))
  t.false(passes('owner=null', {}))
  t.false(passes('code=07', { code: 7 }))
})

test('filter: quotes make a string, whatever is in it', t => {
  t.true(passes('text="a && b"', { text: 'a && b' }))
  t.true(passes(`text='it\\'s "so"'`, { text: `it's "so"` }))
  t.true(passes('text="a\\nb\\\\"', { text: 'a\nb\\' }))
  t.false(passes('code="404"', { code: 404 }))
  t.true(passes('text=""', { text: '' }))
})

test('filter: dots go deeper, and payload. in front changes nothing', t => {
  const payload = { cpu: { load: 0.95 }, disks: [{ name: 'sda' }] }
  t.true(passes('payload.cpu.load>0.9', payload))
  t.true(passes('cpu.load>0.9', payload))
  t.true(passes('disks.0.name=sda', payload))
  t.false(passes('disks.1.name=sda', payload))
  t.true(passes('payload.cpu=1', { payload: { cpu: 1 } }))
  t.false(passes('cpu.load.deeper', payload))
})

test('filter: envelope fields and headers are named by @ and #', t => {
  t.true(passes('@type=event && @sender=tail && @subject^=events.', undefined))
  t.true(passes('#priority>3', undefined, { headers: { priority: '5' } }))
  t.false(passes('#priority', undefined, { headers: { other: 1 } }))
  t.false(passes('#priority', undefined))
  t.false(passes('@sender', undefined, { sender: undefined }))
})

test('filter: a bare field asks that it is there, and only own members are', t => {
  t.true(passes('a', { a: null }))
  t.false(passes('a', { b: 1 }))
  t.false(passes('constructor', {}))
  t.false(passes('items.length', { items: [] }))
  t.false(passes('0', new Uint8Array(1)))
})

test('filter: a missing field passes != and nothing else', t => {
  for (const operator of ['=', '<', '<=', '>', '>=', '^=']) t.false(passes(`a${operator}1`, {}), operator)
  t.true(passes('a!=1', {}))
})

test('filter: order is by value for numbers and by text for strings, never across', t => {
  t.true(passes('n>=10', { n: '10.0' }))
  t.false(passes('n<10', { n: 'two' }))
  t.true(passes('name<b', { name: 'a' }))
  t.false(passes('name<b', { name: 1 }))
  t.false(passes('n<=1', { n: NaN }))
  t.true(passes('at>"2026-01-01"', { at: new Date('2026-02-01T00:00:00Z') }))
})

test('filter: integers beyond 2^53 keep every digit', t => {
  t.true(passes('id=9007199254740993', { id: 9007199254740993n }))
  t.false(passes('id=9007199254740993', { id: 9007199254740992n }))
  t.true(passes('id>9007199254740992', { id: 9007199254740993n }))
})

test('filter: a payload that cannot be decoded has no fields, and is not asked for in vain', t => {
  const broken = { value: (): unknown => { throw new Error('not decodable') } }
  t.false(passes('a', undefined, broken))
  t.true(passes('a!=1', undefined, broken))
  let asked = 0
  compileFilter('@type=event && #h').test(message(undefined, { value: () => asked++ }))
  t.is(asked, 0)
})

for (const [text, problem] of [
  ['', 'at character 1: expected a field'],
  ['a=', 'at character 3: expected a value'],
  ['a==b', 'at character 3: expected a value, got an operator'],
  ['a="open', 'at character 3: the string has no closing quote'],
  ['a=1 b=2', 'at character 5: expected "&&" or the end'],
  ['a=1 && ', 'at character 8: expected a field'],
  ['a..b=1', 'at character 1: "a..b" is not a field'],
  ['x && @nobody', 'at character 6: "@nobody" is not a field'],
  [Array.from({ length: 33 }, () => 'a').join('&&'), 'more than 32 conditions'],
  ['a='.padEnd(1025, 'x'), 'at most 1024'],
] as const) {
  test(`filter: refuses ${JSON.stringify(text.slice(0, 20))} (${text.length} characters) and says why`, t => {
    const error = t.throws(() => compileFilter(text), { instanceOf: BrokerError })
    t.is(error.code, 'filter.invalid')
    t.true(error.message.includes(problem), error.message)
  })
}

test('filter: any text compiles or is refused by name, and a compiled one never throws', t => {
  const alphabet = fc.constantFrom('a', '.', '@type', '#', '=', '!', '<', '>', '^=', '&&', '&', ' ', '"', "'", '\\', '1', '-', 'true', 'null', 'é')
  fc.assert(
    fc.property(fc.array(alphabet, { maxLength: 20 }), fc.jsonValue(), (parts, payload) => {
      try {
        t.is(typeof passes(parts.join(''), payload), 'boolean')
      } catch (error) {
        if (!(error instanceof BrokerError) || error.code !== 'filter.invalid') throw error
      }
    }),
    { numRuns: 2000 },
  )
})

const fieldName = fc.stringMatching(/^[a-z][a-z0-9_-]{0,5}$/).filter(name => name !== 'payload')
const quote = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`

test('filter: every string equals itself in quotes and no other string does', t => {
  fc.assert(
    fc.property(fieldName, anyText(), fc.string(), (name, value, other) => {
      t.true(passes(`${name}=${quote(value)}`, { [name]: value }))
      t.is(passes(`${name}=${quote(value)}`, { [name]: other }), value === other)
    }),
  )
})

test('filter: numbers compare as the language compares them', t => {
  const operators = { '=': (a: number, b: number) => a === b, '!=': (a: number, b: number) => a !== b, '<': (a: number, b: number) => a < b, '<=': (a: number, b: number) => a <= b, '>': (a: number, b: number) => a > b, '>=': (a: number, b: number) => a >= b }
  const number = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ noNaN: true, noDefaultInfinity: true }))
  fc.assert(
    fc.property(fieldName, number, number, (name, field, literal) => {
      for (const [operator, expected] of Object.entries(operators)) t.is(passes(`${name}${operator}${JSON.stringify(literal)}`, { [name]: field }), expected(field, literal), operator)
    }),
  )
})

test('filter: conditions joined by && pass exactly when each passes, and != is the opposite of =', t => {
  const condition = fc.tuple(fc.constantFrom('a', 'b'), fc.constantFrom('=', '!=', '<', '>=', '^='), fc.constantFrom('1', 'x', 'true', '"1"', 'null')).map(parts => parts.join(''))
  const payload = fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom<unknown>(1, '1', 'x', true, null, 2, [1], {}))
  fc.assert(
    fc.property(condition, condition, payload, (left, right, fields) => {
      t.is(passes(`${left} && ${right}`, fields), passes(left, fields) && passes(right, fields))
      if (/^\w=/.test(left)) t.is(passes(left.replace('=', '!='), fields), !passes(left, fields))
    }),
  )
})
