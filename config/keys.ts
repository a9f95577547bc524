// Keys: a kind of value, what it means, and what holds when it is left out. Knows how a schema is put together, no key.

import { z } from 'zod'
import { kinds } from './kinds.ts'
import type { KeyPath } from './source.ts'

/** What the key list says of one key. */
export interface KeyNote {
  readonly about: string
  /** What holds without the key, as it would be written; undefined when the key must be there. */
  readonly fallback: string | undefined
}

const notes = z.registry<KeyNote>()

function noted<S extends z.ZodType>(schema: S, about: string, fallback: string | undefined): S {
  const described = schema.meta({ description: about })
  notes.add(described, { about, fallback })
  return described
}

/** A key that must be there. */
export function required<S extends z.ZodType>(schema: S, about: string): S {
  return noted(schema, about, undefined)
}

/** A key with a default, given as it would be written. */
export function defaulted<S extends z.ZodType>(schema: S, fallback: z.util.NoUndefined<z.input<S>>, about: string): z.ZodPrefault<S> {
  return noted(z.prefault(schema, fallback), about, JSON.stringify(fallback))
}

/** A key without which something else decides, told in words. */
export function optional<S extends z.ZodType>(schema: S, otherwise: string, about: string): z.ZodOptional<S> {
  return noted(z.optional(schema), about, otherwise)
}

/** A map of known keys; others are errors. */
export function map<T extends z.core.$ZodLooseShape>(shape: T) {
  const schema = z.strictObject(shape, { error: `a map of ${Object.keys(shape).join(', ')}` })
  kinds.add(schema, { type: 'map', allowed: `the keys ${Object.keys(shape).join(', ')}` })
  return schema
}

/** A map of known keys that may all be left out, and it itself too. */
export function block<T extends z.core.$ZodLooseShape>(shape: T) {
  const schema = map(shape)
  return z.prefault(schema, {} as z.util.NoUndefined<z.input<typeof schema>>)
}

const switches = z.registry<{ readonly isSwitchable: true }>()

/** A block with a key `enabled` in whose place `false` means that it is off. */
export function switchable<T extends z.core.$ZodLooseShape & { readonly enabled: z.core.$ZodType }>(shape: T) {
  const schema = map(shape)
  switches.add(schema, { isSwitchable: true })
  return z.prefault(schema, {} as z.util.NoUndefined<z.input<typeof schema>>)
}

/** True for a block made by `switchable`. */
export function isSwitchable(schema: z.core.$ZodType): boolean {
  return switches.has(withoutWrapping(schema))
}

/** The note of a key made here. */
export function keyNote(schema: z.core.$ZodType): KeyNote | undefined {
  return notes.get(schema)
}

/** The schema of the value that is there, whether or not it may be left out. */
export function withoutWrapping(schema: z.core.$ZodType): z.core.$ZodType {
  return schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional ? withoutWrapping(schema.unwrap()) : schema
}

/** Keys that a map of the schema has at `path`; none where there is no such map. */
export function keysAt(schema: z.core.$ZodType, path: KeyPath): string[] {
  const bare = withoutWrapping(schema)
  if (bare instanceof z.ZodObject) {
    const shape: Readonly<Record<string, z.core.$ZodType>> = bare.shape
    const [key, ...rest] = path
    return key === undefined ? Object.keys(shape) : (Object.hasOwn(shape, key) ? keysAt(shape[key]!, rest) : [])
  }
  if (bare instanceof z.ZodArray) return keysAt(bare.element, path.slice(1))
  if (bare instanceof z.ZodRecord) return keysAt(bare.valueType, path.slice(1))
  return []
}
