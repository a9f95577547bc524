// Filters: predicates over one message, such as `type=status && payload.cpu.load>0.9`. Knows no connection and no codec.
//
//   filter     = condition { "&&" condition }
//   condition  = field [ operator value ]            a bare field asks that it is there
//   field      = "@type" | "@sender" | "@subject" | "#" header | name { "." name }
//   operator   = "=" | "!=" | "<" | "<=" | ">" | ">=" | "^="
//   value      = number | true | false | null | word | "quoted string" | 'quoted string'

import { BrokerError } from './errors.ts'
import { compareField, parseWord, type FieldTest, type Operator } from './filter-compare.ts'

/** What a filter looks at. */
export interface FilterMessage {
  readonly subject: string
  /** The envelope's type: `event`, `request`, `broadcast` and so on. */
  readonly type: string
  readonly sender: string | undefined
  readonly headers: Readonly<Record<string, unknown>> | undefined
  /** The decoded payload; asked for only when a condition names a payload field, once per such condition, so remember it. May throw. */
  value(): unknown
}

export interface Filter {
  /** The text it was made from. */
  readonly text: string
  /** True when every condition holds. Never throws: a payload that cannot be decoded has no fields. */
  test(message: FilterMessage): boolean
}

type Condition = (message: FilterMessage) => boolean

const MAX_FILTER_CHARACTERS = 1024
const MAX_CONDITIONS = 32

const ESCAPES = new Map([['n', '\n'], ['t', '\t'], ['r', '\r']])

const SPACE = /\s*/y
const FIELD = /[^\s=!<>^&"']+/y
const OPERATOR = /!=|<=|>=|\^=|=|<|>/y
const WORD = /(?:(?!&&)\S)+/y
const QUOTED = /"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'/ys

/**
 * The filter that `text` says; at most 1024 characters and 32 conditions.
 * A missing field passes `!=` and nothing else. A word that is a number, true, false or null stands for that value and
 * for the string spelled so; anything else, and everything in quotes, is a string. Order is by value for numbers and by
 * UTF-16 code units for strings. `payload.` in front of a field is optional, unless the payload has a field of that name.
 * @throws BrokerError `filter.invalid`, saying at which character
 */
export function compileFilter(text: string): Filter {
  if (text.length > MAX_FILTER_CHARACTERS) throw invalid(text.slice(0, 40), `${text.length} characters, at most ${MAX_FILTER_CHARACTERS} are allowed`)
  const conditions = new FilterParser(text).parse()
  return { text, test: message => conditions.every(condition => condition(message)) }
}

class FilterParser {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  parse(): readonly Condition[] {
    const conditions: Condition[] = []
    do {
      if (conditions.length === MAX_CONDITIONS) throw this.#refusal(`more than ${MAX_CONDITIONS} conditions`)
      conditions.push(this.#condition())
    } while (this.#skip('&&'))
    if (this.#at < this.#text.length) throw this.#refusal('expected "&&" or the end (quote values that contain spaces)')
    return conditions
  }

  #condition(): Condition {
    this.#take(SPACE)
    const fieldAt = this.#at
    const name = this.#take(FIELD)
    if (name === undefined) throw this.#refusal('expected a field')
    const read = fieldReader(name)
    if (read === undefined) throw this.#refusal(`"${name}" is not a field; fields are names joined by dots, @type, @sender, @subject and #header`, fieldAt)
    this.#take(SPACE)
    const operator = this.#take(OPERATOR)
    const test: FieldTest = operator === undefined ? value => value !== undefined : this.#comparison(operator as Operator)
    this.#take(SPACE)
    return message => test(read(message))
  }

  #comparison(operator: Operator): FieldTest {
    this.#take(SPACE)
    const quoted = this.#takeMatch(QUOTED)
    if (quoted !== undefined) return compareField(operator, { text: unquote(quoted[1] ?? quoted[2]!), value: undefined })
    const wordAt = this.#at
    const word = this.#take(WORD)
    if (word === undefined) throw this.#refusal('expected a value')
    if (/^["']/.test(word)) throw this.#refusal('the string has no closing quote', wordAt)
    if (/^[=<>!^]/.test(word)) throw this.#refusal('expected a value, got an operator; operators are = != < <= > >= ^=', wordAt)
    return compareField(operator, parseWord(word))
  }

  #skip(text: string): boolean {
    const isThere = this.#text.startsWith(text, this.#at)
    if (isThere) this.#at += text.length
    return isThere
  }

  #take(pattern: RegExp): string | undefined {
    return this.#takeMatch(pattern)?.[0]
  }

  #takeMatch(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (match === null) return undefined
    this.#at = pattern.lastIndex
    return match
  }

  #refusal(problem: string, at = this.#at): BrokerError {
    return invalid(this.#text, `at character ${at + 1}: ${problem}`)
  }
}

function fieldReader(name: string): ((message: FilterMessage) => unknown) | undefined {
  if (name === '@type') return message => message.type
  if (name === '@sender') return message => message.sender
  if (name === '@subject') return message => message.subject
  if (name.startsWith('@') || name === '#') return undefined
  if (name.startsWith('#')) return message => member(message.headers, name.slice(1))
  const path = name.split('.')
  return path.includes('') ? undefined : message => payloadField(message, path)
}

function payloadField(message: FilterMessage, path: readonly string[]): unknown {
  let payload: unknown
  try {
    payload = message.value()
  } catch {
    return undefined
  }
  const isPrefixed = path.length > 1 && path[0] === 'payload' && member(payload, 'payload') === undefined
  return (isPrefixed ? path.slice(1) : path).reduce(member, payload)
}

// Own members of maps and elements of arrays; nothing that JavaScript adds to them, such as `length` or `constructor`.
function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || !Object.hasOwn(value, name)) return undefined
  if (Array.isArray(value) && name === 'length') return undefined
  return (value as Readonly<Record<string, unknown>>)[name]
}

function unquote(text: string): string {
  return text.replace(/\\(.)/gs, (_, character: string) => ESCAPES.get(character) ?? character)
}

function invalid(filter: string, problem: string): BrokerError {
  return new BrokerError('filter.invalid', { filter, problem })
}
