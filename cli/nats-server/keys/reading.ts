// Reads the keys of one map by a table: what each of them means, which ones do nothing here, and which are refused.

import { nearest } from '../../../broker/ground/nearest.ts'
import type { ConfMap, ConfNode } from '../conf/node.ts'
import type { Notes } from './notes.ts'

/** Takes one key's value over into what is being made. */
type ReadKey<Into> = (node: ConfNode, into: Into, notes: Notes, key: string) => void

/** By name in small letters. */
export type KeyTable<Into> = ReadonlyMap<string, ReadKey<Into>>

type Value<T> = (node: ConfNode, key: string, notes: Notes) => T | undefined

/** Rows of names that mean the same, and what they mean. */
export function keyTable<Into>(...rows: readonly (readonly [names: string, read: ReadKey<Into>])[]): KeyTable<Into> {
  return new Map(rows.flatMap(([names, read]) => names.split(' ').map((name) => [name, read] as const)))
}

/** A key whose value becomes one property. */
export function sets<Into, Property extends keyof Into>(property: Property, value: Value<NonNullable<Into[Property]>>): ReadKey<Into> {
  return (node, into, notes, key) => {
    const read = value(node, key, notes)
    if (read !== undefined) into[property] = read
  }
}

/** A key that is taken, checked for its type, and does nothing; `why` is told unless it is a mere description. */
export function ignored(value: Value<unknown> | undefined, why?: string): ReadKey<unknown> {
  return (node, _into, notes, key) => {
    if (value !== undefined && value(node, key, notes) === undefined) return
    if (why !== undefined) notes.warn(node.at, `${key} has no effect: ${why}`)
  }
}

/** A key without which the server would not be what was asked for. */
export function refused(why: string): ReadKey<unknown> {
  return (node, _into, notes, key) => notes.problem(node.at, `${key} is not supported: ${why}`)
}

/** A key that may say no, and is refused otherwise. */
export function refusedIfTrue(why: string): ReadKey<unknown> {
  return (node, _into, notes, key) => {
    if (node.kind !== 'boolean' || node.value) notes.problem(node.at, `${key} is not supported: ${why}`)
  }
}

/** Reads every key of `entries`; one that the table does not know is a problem unless it is there for a variable's sake. */
export function readKeys<Into>(entries: ConfMap, table: KeyTable<Into>, into: Into, notes: Notes): Into {
  for (const [written, node] of entries) {
    const key = written.toLowerCase()
    const read = table.get(key)
    if (read !== undefined) read(node, into, notes, key)
    else if (!node.isReferred) notes.problem(node.at, `unknown field "${written}"${suggestion(key, table)}`)
  }
  return into
}

function suggestion(key: string, table: KeyTable<never>): string {
  const meant = nearest(key, [...table.keys()])
  return meant === undefined ? '' : `; did you mean ${meant}?`
}
