// Reads fields of bodies and params one by one, with errors that name the field, what it must be and what came.

import type { BrokerError } from './errors.ts'
import { nearest } from './nearest.ts'

const MAX_SHOWN_KEY = 64

type Body = Readonly<Record<string, unknown>>

/** The error for a problem, as `hello.client must be …`. */
export type FieldsRefusal = (problem: string) => BrokerError

export class Fields {
  readonly #name: string
  readonly #refusal: FieldsRefusal
  readonly #body: Body

  /** @throws what `refusal` makes when the body is not a map, and later for each field that is wrong */
  constructor(name: string, body: unknown, refusal: FieldsRefusal) {
    this.#name = name
    this.#refusal = refusal
    if (typeof body !== 'object' || body === null || Array.isArray(body) || body instanceof Uint8Array) throw refusal(`${name} must be a map, got ${describe(body)}`)
    this.#body = body as Body
  }

  text(key: string, options: { max: number; pattern?: RegExp; hint?: string }): string | undefined {
    const value = this.#body[key]
    if (value === undefined || value === null) return undefined
    if (typeof value !== 'string' || value.length === 0 || value.length > options.max || options.pattern?.test(value) === false) {
      throw this.#wrong(key, options.hint ?? `a text of 1 to ${options.max} characters`, value)
    }
    return value
  }

  required(key: string, options: { max: number }): string {
    const value = this.text(key, options)
    if (value === undefined) throw this.#wrong(key, `a text of 1 to ${options.max} characters`, undefined)
    return value
  }

  /** One of some words. */
  choice<T extends string>(key: string, words: readonly T[]): T | undefined {
    const value = this.#body[key]
    if (value === undefined || value === null) return undefined
    const word = words.find((each) => each === value)
    if (word === undefined) throw this.#wrong(key, `one of ${words.join(', ')}`, value)
    return word
  }

  flag(key: string): boolean | undefined {
    const value = this.#body[key]
    if (value === undefined || value === null || typeof value === 'boolean') return value ?? undefined
    throw this.#wrong(key, 'true or false', value)
  }

  integer(key: string, min: number, max: number): number | undefined {
    const value = this.#body[key]
    if (value === undefined || value === null) return undefined
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value
    throw this.#wrong(key, `an integer of ${min}..${max}`, value)
  }

  requiredInteger(key: string, min: number, max: number): number {
    const value = this.integer(key, min, max)
    if (value === undefined) throw this.#wrong(key, `an integer of ${min}..${max}`, undefined)
    return value
  }

  number(key: string, min: number, max: number): number | undefined {
    const value = this.#body[key]
    if (value === undefined || value === null) return undefined
    if (typeof value === 'number' && value >= min && value <= max) return value
    throw this.#wrong(key, `a number of ${min}..${max}`, value)
  }

  /** An array of at most `maxCount` numbers; undefined when absent. */
  numbers(key: string, maxCount: number, min: number, max: number): readonly number[] | undefined {
    const value = this.#body[key]
    if (value === undefined || value === null) return undefined
    if (Array.isArray(value) && value.length <= maxCount && value.every((item) => typeof item === 'number' && item >= min && item <= max)) return value as number[]
    throw this.#wrong(key, `an array of at most ${maxCount} numbers of ${min}..${max}`, value)
  }

  /** One of some words, or an array of 1..`maxCount` whole numbers. */
  choiceOrNumbers<T extends string>(key: string, words: readonly T[], maxCount: number, min: number, max: number): T | readonly number[] | undefined {
    const value = this.#body[key]
    if (!Array.isArray(value) || value.length === 0) return this.choice(key, words)
    const numbers = this.numbers(key, maxCount, min, max)!
    if (numbers.every((number) => Number.isInteger(number))) return numbers
    throw this.#wrong(key, 'an array of whole numbers', value)
  }

  /** An array of at most `maxCount` texts; undefined when absent. */
  texts(key: string, maxCount: number, options: { max: number }): readonly string[] | undefined {
    const value = this.#body[key]
    if (value === undefined || value === null) return undefined
    if (Array.isArray(value) && value.length <= maxCount && value.every((item) => typeof item === 'string' && item !== '' && item.length <= options.max)) return value as string[]
    throw this.#wrong(key, `an array of at most ${maxCount} texts of 1 to ${options.max} characters`, value)
  }

  /** An array of anything; undefined when absent. */
  list(key: string): readonly unknown[] | undefined {
    const value = this.#body[key]
    if (value === undefined || value === null) return undefined
    if (Array.isArray(value)) return value as readonly unknown[]
    throw this.#wrong(key, 'an array', value)
  }

  /** An array of at most `maxCount` maps; undefined when absent. */
  maps(key: string, maxCount: number): Fields[] | undefined {
    const value = this.list(key)
    if (value !== undefined && value.length > maxCount) throw this.#wrong(key, `an array of at most ${maxCount} maps`, value)
    return value?.map((item, i) => new Fields(`${this.#name}.${key}[${i}]`, item, this.#refusal))
  }

  /** A map within the body whose values are all texts, its keys of 1..`maxKey` characters and its values of at most `maxValue`; undefined when absent. */
  entries(key: string, maxCount: number, maxKey: number, maxValue: number): Readonly<Record<string, string>> | undefined {
    const value = this.#body[key]
    if (value === undefined || value === null) return undefined
    const isFine = ([name, text]: [string, unknown]): boolean => name !== '' && name.length <= maxKey && typeof text === 'string' && text.length <= maxValue
    if (typeof value === 'object' && !Array.isArray(value) && !(value instanceof Uint8Array)) {
      const entries = Object.entries(value)
      if (entries.length <= maxCount && entries.every(isFine)) return Object.fromEntries(entries)
    }
    throw this.#wrong(key, `a map of at most ${maxCount} texts of at most ${maxValue} characters, its keys of 1 to ${maxKey}`, value)
  }

  /** A map within the body; undefined when absent. */
  map(key: string): Fields | undefined {
    const value = this.#body[key]
    return value === undefined || value === null ? undefined : new Fields(`${this.#name}.${key}`, value, this.#refusal)
  }

  /** Refuses a key that is none of `keys`, with the one that was probably meant: left out in silence, a typing error would be the default. */
  only(keys: readonly string[]): void {
    for (const key of Object.keys(this.#body)) {
      if (keys.includes(key)) continue
      const known = nearest(key, keys)
      const shown = key.length > MAX_SHOWN_KEY ? `${key.slice(0, MAX_SHOWN_KEY)}…` : key
      throw this.#refusal(`${this.#name} has no key "${shown}"; ${known === undefined ? `expected ${keys.join(', ')}` : `did you mean ${known}?`}`)
    }
  }

  #wrong(key: string, expected: string, actual: unknown): BrokerError {
    return this.#refusal(`${this.#name}.${key} must be ${expected}, got ${describe(actual)}`)
  }
}

// What came, short; never the value of a text, which may be a secret.
function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (typeof value === 'string') return `a text of ${value.length} characters`
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (value instanceof Uint8Array) return `${value.length} bytes`
  return Array.isArray(value) ? 'an array' : typeof value === 'object' ? 'a map' : `a ${typeof value}`
}
