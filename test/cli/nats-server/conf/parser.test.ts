import test from 'ava'
import fc from 'fast-check'
import { ConfigError } from '../../../../config/error.ts'
import { confValues, parseText } from '../../../support/conf.ts'

test('conf: key and value are parted by a space, a colon or an equals sign', t => {
  t.deepEqual(confValues('a 1\nb: 2\nc = 3\nd:4\ne=5'), { a: 1, b: 2, c: 3, d: 4, e: 5 })
})

test('conf: entries end at a line end, a comma, a semicolon or the bracket of their map', t => {
  t.deepEqual(confValues('a: 1, b: 2; c: { d: 3, e: 4; f: 5\ng: 6 }'), { a: 1, b: 2, c: { d: 3, e: 4, f: 5, g: 6 } })
})

test('conf: comments go up to the line end, within maps and arrays too', t => {
  t.deepEqual(confValues('# one\na: 1 # two\n// three\nb: [ # four\n 1 // five\n 2 ] \nc { # six\n d: 1 // seven\n }'), { a: 1, b: [1, 2], c: { d: 1 } })
})

test('conf: maps and arrays nest, a map needs no separator', t => {
  t.deepEqual(confValues('authorization { users = [ {user: a, password: b}, {user: c\npassword: d} ] }'), { authorization: { users: [{ user: 'a', password: 'b' }, { user: 'c', password: 'd' }] } })
})

test('conf: values are what they look like', t => {
  t.deepEqual(confValues("a: yes\nb: Off\nc: true\nd: 'yes'\ne: \"off\"\nf: word\ng: 1.5\nh: -3\ni: 2s\nj: 127.0.0.1:-1\nk: foo.>\nl: 10.0.0.1"), {
    a: true, b: false, c: true, d: 'yes', e: 'off', f: 'word', g: 1.5, h: -3, i: '2s', j: '127.0.0.1:-1', k: 'foo.>', l: '10.0.0.1',
  })
})

test('conf: k, m and g are thousands, kb and kib multiply by 1024', t => {
  t.deepEqual(confValues('a: 1k\nb: 1kb\nc: 2MB\nd: 1Gi\ne: 3m\nf: 1kib'), { a: 1000, b: 1024, c: 2 * 1024 ** 2, d: 1024 ** 3, e: 3e6, f: 1024 })
})

test('conf: escapes hold in double quotes and bare words, not in single quotes', t => {
  t.deepEqual(confValues(String.raw`a: "x\ty\x41\"" ` + '\n' + String.raw`b: 'x\ty'` + '\n' + String.raw`c: x\\y`), { a: 'x\tyA"', b: String.raw`x\ty`, c: String.raw`x\y` })
})

test('conf: a variable is looked up from within, then in the environment', t => {
  t.deepEqual(confValues('P: 4222\nport: $P\nm { P: 1, q: $P }\ne: $E\nn: $N', { environment: { E: 'text', N: '12k' } }), { P: 4222, port: 4222, m: { P: 1, q: 1 }, e: 'text', n: 12_000 })
  t.deepEqual(confValues('password: $2a$11$abc'), { password: '$2a$11$abc' })
})

test('conf: a variable that is not set, or refers to itself, is told with its place', t => {
  t.throws(() => confValues('a: 1\n  b: $NONE'), { instanceOf: ConfigError, message: /test\.conf:2:6: variable "NONE"/ })
  t.throws(() => confValues('a: $A', { environment: { A: '$A' } }), { message: /refers to itself/ })
})

test('conf: an include stands for the entries of its file, also within a map', t => {
  const files = { './users.conf': 'user: a\npassword: b', 'more.conf': 'port: 1' }
  t.deepEqual(confValues('include more.conf\nauthorization { include "./users.conf" }\nhost: h', { files }), { port: 1, authorization: { user: 'a', password: 'b' }, host: 'h' })
})

test('conf: a key named include with a separator is a key', t => t.deepEqual(confValues('include: x'), { include: 'x' }))

test('conf: JSON is read as well', t => {
  const value = { port: -1, host: '127.0.0.1', authorization: { users: [{ user: 'a', permissions: { publish: ['a.>', 'b'] } }] }, list: [1, 2], on: true }
  t.deepEqual(confValues(JSON.stringify(value)), value)
  t.deepEqual(confValues(JSON.stringify(value, undefined, 2)), value)
})

const broken: readonly (readonly [text: string, place: string, words: RegExp])[] = [
  ['a', '1:1', /key "a" has no value/],
  ['a:\nb: 1', '1:1', /key "a" has no value/],
  ['ok: 1\n= 2', '2:1', /expected a key/],
  ['a: { b: 1', '1:4', /no closing }/],
  ['a: [ 1, 2', '1:4', /no closing ]/],
  ['a: [ , 1 ]', '1:6', /expected a value before/],
  ['a: "x', '1:4', /no closing "/],
  ["a: 'x", '1:4', /no closing '/],
  [String.raw`a: "\q"`, '1:6', /means nothing/],
  ['a: 1 2', '1:6', /expected the end of the line/],
  ['a: .5', '1:4', /begins with a digit/],
  ['a: 1.', '1:6', /expected a digit/],
  ['a: -x', '1:5', /expected a digit/],
  ['a: 9223372036854775808', '1:4', /out of range/],
  ['a: 2026-13-01', '1:4', /expected a time/],
  ['a {\n  b: 1 c: 2\n}', '2:8', /expected the end of the line/],
  ['a { ] }', '1:5', /expected a key or }/],
  ['a: 1 }', '1:6', /expected the end of the line/],
  ['include', '1:1', /no value/],
  ['include nope.conf', '1:1', /no nope\.conf/],
  ['include 7', '1:9', /expected the path/],
]

for (const [text, place, words] of broken) {
  test(`conf: ${JSON.stringify(text)} is wrong at ${place}`, t => {
    const error = t.throws(() => parseText(text), { instanceOf: ConfigError, message: words })
    t.true(error.message.includes(`test.conf:${place}: `), error.message)
  })
}

test('conf: an abyss of brackets is refused, not a crash', t => {
  t.throws(() => parseText(`a: ${'['.repeat(100_000)}`), { instanceOf: ConfigError, message: /brackets are open/ })
})

// Everything below is generated: values as data, written in one of the forms that the format has for them.
type Data = string | number | boolean | Data[] | { [key: string]: Data }

const key = fc.stringMatching(/^[a-z_][a-z0-9_]{0,8}$/).filter(text => text !== 'include')
const data = fc.letrec<{ value: Data }>(tie => ({
  value: fc.oneof({ maxDepth: 4 }, fc.string({ unit: 'grapheme' }), fc.integer({ min: -1e9, max: 1e9 }), fc.boolean(), fc.array(tie('value'), { maxLength: 4 }), fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true })),
})).value

/** The value in the format; `pick` chooses between the ways to write it. */
function written(value: Data, pick: (ways: string[]) => string): string {
  if (typeof value === 'string') return quoted(value)
  if (typeof value !== 'object') return String(value)
  const comment = pick(['', '# c\n', '// c\n', '\n', ' '])
  // A number that touches a bracket is a word to nats-server.
  if (Array.isArray(value)) return `[${comment}${value.map(item => written(item, pick)).join(pick([', ', ',\n', '\n', ' , ']))} ]`
  return `{${comment}${Object.entries(value).map(([name, item]) => entry(name, item, pick)).join(pick([', ', '\n', ';', ' # c\n']))}\n}`
}

function entry(name: string, item: Data, pick: (ways: string[]) => string): string {
  return `${pick([name, `"${name}"`, `'${name}'`])}${pick([': ', ' = ', ' ', '=', ':'])}${written(item, pick)}`
}

function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', String.raw`\"`).replaceAll('\n', String.raw`\n`).replaceAll('\r', String.raw`\r`).replaceAll('\t', String.raw`\t`)}"`
}

test('conf: what was written in any of the forms is read', t => {
  fc.assert(
    fc.property(fc.dictionary(key, data, { maxKeys: 5, noNullPrototype: true }), fc.infiniteStream(fc.nat()), (value, choices) => {
      const pick = (ways: string[]): string => ways[(choices.next().value as number) % ways.length]!
      const text = Object.entries(value).map(([name, item]) => entry(name, item, pick)).join(pick(['\n', ', ', ';\n']))
      t.deepEqual(confValues(text), value, text)
    }),
  )
})

test('conf: whatever the text, it is read or refused by name', t => {
  const pieces = fc.constantFrom('a', ' ', '\n', ':', '=', '{', '}', '[', ']', ',', ';', '"', "'", '#', '//', '/', '(', ')', '$a', '-', '1', '.', 'k', '\\', '\\x4', 'include ', 'é', '\u0000', '2026-01-01T00:00:00Z')
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 30 }), found => {
      try {
        parseText(found.join(''))
      } catch (error) {
        t.true(error instanceof ConfigError, String(error))
      }
    }),
    { numRuns: 2000 },
  )
  t.pass()
})
