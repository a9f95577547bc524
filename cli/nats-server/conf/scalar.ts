// Strings, numbers, booleans and times in nats-server's format. A bare word is what it looks like, else a string.

import type { ConfValue } from './node.ts'
import type { Source } from './source.ts'

const KIB = 1024n
/** What a suffix multiplies by: `k` by thousands, `kb`, `ki` and `kib` by 1024, and so on. */
const multipliers: ReadonlyMap<string, bigint> = new Map(
  Array.from('kmgtpe').flatMap((letter, i) => {
    const power = BigInt(i + 1)
    return [[letter, 1000n ** power], ...['b', 'i', 'ib'].map((tail) => [letter + tail, KIB ** power] as const)] as const
  }),
)
const MOST_INTEGER = 2n ** 63n - 1n

const booleans: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['yes', true],
  ['on', true],
  ['false', false],
  ['no', false],
  ['off', false],
])

const escapes: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', '"': '"', '\\': '\\' }

// What ends a bare word, beside a single quote, which goes with it.
const BARE_END = /[\n\r;,\]}\t ]/

/** A value that is no array, map or reference; `$NAME` comes out as a reference. */
export type Scalar = ConfValue | { readonly kind: 'reference'; readonly name: string }

/** Reads what begins at the next character, which is neither white space nor a bracket. */
export function readScalar(source: Source): Scalar {
  const first = source.peek
  if (first === "'") return { kind: 'string', value: singleQuoted(source) }
  if (first === '"') return { kind: 'string', value: doubleQuoted(source) }
  if (first === '(') return { kind: 'string', value: block(source) }
  if (first === '-') return negative(source)
  if (/\d/.test(first)) return number(source)
  if (first === '.') source.fail('a number begins with a digit, not with "."')
  return bare(source)
}

function singleQuoted(source: Source): string {
  const begin = source.index
  source.skip(1)
  const value = source.take(/[^']*/y)
  if (source.next() === '') source.fail("the string has no closing '", begin)
  return value
}

function doubleQuoted(source: Source): string {
  const begin = source.index
  source.skip(1)
  let value = ''
  for (;;) {
    value += source.take(/[^"\\]*/y)
    const end = source.next()
    if (end === '"') return value
    if (end === '') source.fail('the string has no closing "', begin)
    value += escaped(source)
  }
}

/** What stands behind a backslash. */
function escaped(source: Source): string {
  const letter = source.next()
  if (letter === 'x') {
    const digits = source.take(/[0-9a-fA-F]{2}/y)
    if (digits === '') source.fail('expected two hexadecimal digits behind \\x')
    return String.fromCharCode(Number.parseInt(digits, 16))
  }
  const character = escapes[letter]
  if (character === undefined) source.fail(`\\${letter} means nothing; allowed: \\xHH \\t \\n \\r \\" \\\\`, source.index - 1)
  return character
}

/** Text in parentheses, the closing one on a line of its own. */
function block(source: Source): string {
  const begin = source.index
  source.skip(1)
  const value = source.take(/[^]*?\n(?=\)(?:\n|$))/y)
  if (value === '') source.fail('the block has no closing ) on a line of its own', begin)
  source.skip(1)
  return value
}

function negative(source: Source): ConfValue {
  const text = source.take(/-\d+/y)
  if (text === '') source.fail('expected a digit behind "-"', source.index + 1)
  if (source.peek === '.') return float(source, text)
  return integer(source, text, source.take(/[kmgtpe][bi]*/iy))
}

// A digit may begin a number, a time, an address or just a word: what follows decides.
function number(source: Source): Scalar {
  const begin = source.index
  const digits = source.take(/\d+/y)
  const next = source.peek
  if (next === '-') return time(source, begin, digits)
  if (next === '.') return float(source, digits, begin)
  const suffix = source.take(/[kmgtpe][bi]*/iy)
  if (endsNumber(source)) return integer(source, digits, suffix)
  return { kind: 'string', value: source.since(begin) + word(source).text }
}

function integer(source: Source, digits: string, suffix: string): ConfValue {
  const multiplier = suffix === '' ? 1n : multipliers.get(suffix.toLowerCase())
  if (multiplier === undefined) source.fail(`"${suffix}" is no unit; allowed: ${[...multipliers.keys()].join(' ')}`, source.index - suffix.length)
  const value = BigInt(digits) * multiplier
  if (value > MOST_INTEGER || value < -MOST_INTEGER - 1n) source.fail(`${digits}${suffix} is out of range`, source.index - digits.length - suffix.length)
  return { kind: 'integer', value: Number(value) }
}

/** Digits, a dot, digits; a second dot makes it an address, which may go on with a port. */
function float(source: Source, digits: string, begin?: number): ConfValue {
  const decimals = source.take(/\.\d+/y)
  if (decimals === '') source.fail('expected a digit behind "."', source.index + 1)
  if (begin === undefined || source.peek !== '.') return { kind: 'float', value: Number(digits + decimals) }
  source.take(/[\d.:-]*/y)
  return { kind: 'string', value: source.since(begin) }
}

function time(source: Source, begin: number, digits: string): ConfValue {
  const rest = source.take(/-\d\d-\d\dT\d\d:\d\d:\d\dZ/y)
  const value = new Date(digits + rest)
  if (digits.length !== 4 || rest === '' || Number.isNaN(value.getTime())) source.fail('expected a time such as 2026-01-31T12:00:00Z; put anything else in quotes', begin)
  return { kind: 'time', value }
}

function bare(source: Source): Scalar {
  const begin = source.index
  const { text, isEscaped } = word(source)
  if (text === '' && !isEscaped) source.fail('expected a value', begin)
  if (isEscaped) return { kind: 'string', value: text }
  const truth = booleans.get(text.toLowerCase())
  if (truth !== undefined) return { kind: 'boolean', value: truth }
  return text.startsWith('$') ? { kind: 'reference', name: text.slice(1) } : { kind: 'string', value: text }
}

/** The characters up to the end of a bare word. */
function word(source: Source): { text: string; isEscaped: boolean } {
  let text = ''
  let isEscaped = false
  while (!source.isAtEnd && !BARE_END.test(source.peek)) {
    const character = source.next()
    if (character === "'") break
    if (character === '\\') {
      isEscaped = true
      text += escaped(source)
    } else {
      text += character
    }
  }
  return { text, isEscaped }
}

function endsNumber(source: Source): boolean {
  return source.isAtEnd || BARE_END.test(source.peek)
}
