// Maps, arrays, comments, references and includes of nats-server's format.
//
//   file   = { entry }            an entry ends at a line end, `,`, `;` or the bracket that closes its map
//   entry  = key [ "=" | ":" ] value  |  "include" path
//   value  = scalar  |  "$" name  |  "[" { value } "]"  |  "{" { entry } "}"
//
// A file may stand in braces as a whole, so that JSON is read as well.

import { confError, Source } from './source.ts'
import { located, type ConfMap, type ConfNode, type ConfValue, type Place } from './node.ts'
import { readScalar } from './scalar.ts'

/** What lies outside the text. */
export interface ConfContext {
  /** What the file at `path`, as the include says it, holds. @throws ConfigError */
  include(path: string, at: Place): ConfMap
  /** The environment's value of a variable that the text does not set. */
  variable(name: string): string | undefined
}

type Draft = Map<string, ConfNode>

/** Deepest nesting of arrays and maps: more is an attack on the stack, or a mistake. */
const MAX_DEPTH = 100
/** Longest chain of variables of the environment that refer to one another. */
const MAX_REFERENCES = 8

/**
 * Reads the text of one file.
 * @throws ConfigError at the first place that makes no sense
 */
export function parseConf(text: string, file: string, context: ConfContext): ConfMap {
  const parser = new Parser(new Source(text.startsWith('\uFEFF') ? text.slice(1) : text, file), context)
  return parser.file()
}

class Parser {
  readonly #source: Source
  readonly #context: ConfContext
  // Maps that are open, the outermost first: a reference is looked up from within.
  readonly #scopes: Draft[] = []
  readonly #references: number
  #depth = 0

  constructor(source: Source, context: ConfContext, references = 0) {
    this.#source = source
    this.#context = context
    this.#references = references
  }

  file(): ConfMap {
    const entries: Draft = new Map()
    this.#scopes.push(entries)
    const source = this.#source
    let open = 0
    for (;;) {
      this.#skipBetween()
      if (source.isAtEnd) return entries
      // Braces around all of it, as JSON has them.
      if (source.peek === '{') open++
      else if (source.peek === '}' && open > 0) open--
      else {
        this.#entry(entries)
        this.#endOfEntry(open > 0)
        continue
      }
      source.skip(1)
    }
  }

  #map(): ConfValue {
    const source = this.#source
    const begin = source.index
    source.skip(1)
    const entries: Draft = new Map()
    this.#scopes.push(entries)
    for (;;) {
      this.#skipBetween()
      if (source.isAtEnd) source.fail('the map has no closing }', begin)
      if (source.peek === '}') break
      if (source.peek === ']') source.fail('expected a key or }, got ]')
      this.#entry(entries)
      this.#endOfEntry(true)
    }
    source.skip(1)
    this.#scopes.pop()
    return { kind: 'map', value: entries }
  }

  #array(): ConfValue {
    const source = this.#source
    const begin = source.index
    source.skip(1)
    const items: ConfNode[] = []
    for (;;) {
      this.#skipBetween()
      if (source.isAtEnd) source.fail('the array has no closing ]', begin)
      if (source.peek === ']') break
      if (source.peek === ',') source.fail('expected a value before ","')
      const at = source.place()
      items.push(located(this.#value(), at))
      this.#endOfItem(begin)
    }
    source.skip(1)
    return { kind: 'array', value: items }
  }

  #entry(entries: Draft): void {
    const source = this.#source
    const begin = source.index
    const at = source.place()
    const quote = source.peek
    let key: string
    if (quote === '"' || quote === "'") {
      source.skip(1)
      key = source.take(quote === '"' ? /[^"]*/y : /[^']*/y)
      if (source.next() === '') source.fail(`the key has no closing ${quote}`, begin)
    } else {
      key = source.take(/[^\s=:]+/y)
      if (key === '') source.fail(`expected a key before "${quote}"`)
      if (key.toLowerCase() === 'include' && /\s/.test(source.peek)) return this.#include(entries, at)
    }
    source.take(/\s*/y)
    if (source.peek === '=' || source.peek === ':') {
      source.skip(1)
      // Behind a separator the value stands on the same line, except in a map.
      source.take(this.#scopes.length > 1 ? /\s*/y : /[ \t]*/y)
    }
    if (source.isAtEnd || '\n\r,}'.includes(source.peek)) source.fail(`key "${key}" has no value`, begin)
    entries.set(key, located(this.#value(), at))
  }

  #value(): ConfValue {
    const source = this.#source
    const begin = source.index
    if (source.peek === '[' || source.peek === '{') {
      if (++this.#depth > MAX_DEPTH) source.fail(`more than ${MAX_DEPTH} brackets are open`)
      const value = source.peek === '[' ? this.#array() : this.#map()
      this.#depth--
      return value
    }
    const scalar = readScalar(source)
    return scalar.kind === 'reference' ? this.#referred(scalar.name, source.place(begin)) : scalar
  }

  #referred(name: string, at: Place): ConfValue {
    // A password as bcrypt writes it, without quotes.
    if (name.startsWith('2a$')) return { kind: 'string', value: `$${name}` }
    const found = this.#scopes.findLast((scope) => scope.has(name))?.get(name)
    if (found !== undefined) {
      found.isReferred = true
      return found
    }
    const text = this.#context.variable(name)
    if (text === undefined) throw confError(at, `variable "${name}" is set neither above nor in the environment`)
    if (this.#references === MAX_REFERENCES) throw confError(at, `variable "${name}" of the environment refers to itself`)
    if (text.trim() === '') return { kind: 'string', value: '' }
    return new Parser(new Source(`value=${text}`, `$${name}`), this.#context, this.#references + 1).file().get('value')!
  }

  #include(entries: Draft, at: Place): void {
    const source = this.#source
    source.take(/[ \t]*/y)
    const quote = source.peek
    let path: string
    if (quote === '"' || quote === "'") {
      source.skip(1)
      path = source.take(quote === '"' ? /[^"]*/y : /[^']*/y)
      if (source.next() === '') source.fail(`the path has no closing ${quote}`)
    } else {
      path = source.take(/[^\n\r;} \t']*/y)
      if (source.peek === "'") source.skip(1)
      if (path === '' || /^[[{(\d\\-]/.test(path)) source.fail('expected the path of a file behind "include"; put it in quotes', source.index - path.length)
    }
    for (const [key, node] of this.#context.include(path, at)) entries.set(key, node)
  }

  /** White space and comments. */
  #skipBetween(): void {
    do this.#source.take(/\s*/y)
    while (this.#comment())
  }

  /** True when a comment was there; it goes up to the line's end. */
  #comment(): boolean {
    const source = this.#source
    if (source.peek !== '#' && !source.startsWith('//')) return false
    source.take(/[^\n\r]*/y)
    return true
  }

  #endOfEntry(isInBraces: boolean): void {
    const source = this.#source
    source.take(/[ \t]*/y)
    if (this.#comment() || source.isAtEnd || (isInBraces && source.peek === '}')) return
    if (!'\n\r,;'.includes(source.peek)) source.fail(`expected the end of the line, ","${isInBraces ? ' or "}"' : ''} behind a value, got "${source.peek}"; a value with spaces stands in quotes`)
    source.skip(1)
  }

  #endOfItem(begin: number): void {
    const source = this.#source
    source.take(/[ \t]*/y)
    this.#comment()
    if (source.isAtEnd) source.fail('the array has no closing ]', begin)
    if (source.peek === ']') return
    if (!'\n\r,'.includes(source.peek)) source.fail(`expected ",", a new line or "]" behind a value, got "${source.peek}"; a value with spaces stands in quotes`)
    source.skip(1)
  }
}
