// One value of a configuration as the type that its key wants; what is another is told and left out.

import type { ConfMap, ConfNode } from '../conf/node.ts'
import type { Notes } from './notes.ts'
import { goDurationMs } from './duration.ts'

const MAX_PORT = 65_535
/** nats-server keeps such limits in 32 bits. */
const MOST_INT32 = 2 ** 31 - 1
const SECOND_MS = 1000

export function text(node: ConfNode, key: string, notes: Notes): string | undefined {
  return node.kind === 'string' ? node.value : wrong(node, key, 'a string', notes)
}

export function truth(node: ConfNode, key: string, notes: Notes): boolean | undefined {
  return node.kind === 'boolean' ? node.value : wrong(node, key, 'true or false', notes)
}

export function integer(node: ConfNode, key: string, notes: Notes): number | undefined {
  return node.kind === 'integer' ? node.value : wrong(node, key, 'an integer, such as 1000, 64k or 1MB', notes)
}

export function int32(node: ConfNode, key: string, notes: Notes): number | undefined {
  const value = integer(node, key, notes)
  if (value === undefined || value <= MOST_INT32) return value
  return problem(node, `${key} is ${value.toLocaleString('en-US')}, at most ${MOST_INT32.toLocaleString('en-US')} is allowed`, notes)
}

/** A port; -1 = any that is free. */
export function port(node: ConfNode, key: string, notes: Notes): number | undefined {
  const value = integer(node, key, notes)
  if (value === undefined || (value >= -1 && value <= MAX_PORT)) return value
  return problem(node, `${key} is ${value}; allowed: 0 to ${MAX_PORT}, or -1 for any that is free`, notes)
}

export function map(node: ConfNode, key: string, notes: Notes): ConfMap | undefined {
  return node.kind === 'map' ? node.value : wrong(node, key, 'a map { }', notes)
}

export function array(node: ConfNode, key: string, notes: Notes): readonly ConfNode[] | undefined {
  return node.kind === 'array' ? node.value : wrong(node, key, 'an array [ ]', notes)
}

/** One string, or an array of them. */
export function texts(node: ConfNode, key: string, notes: Notes): string[] | undefined {
  if (node.kind === 'string') return [node.value]
  if (node.kind !== 'array') return wrong(node, key, 'a string or an array of strings', notes)
  const found = node.value.map((item) => text(item, key, notes))
  return found.includes(undefined) ? undefined : (found as string[])
}

/** A duration as Go writes it, such as `2s` or `1m30s`; an integer is a number of seconds. ms */
export function duration(node: ConfNode, key: string, notes: Notes): number | undefined {
  if (node.kind === 'integer') return node.value * SECOND_MS
  return durationText(node, key, notes)
}

/** The same without bare integers. ms */
export function durationText(node: ConfNode, key: string, notes: Notes): number | undefined {
  const ms = node.kind === 'string' ? goDurationMs(node.value) : undefined
  return ms ?? wrong(node, key, 'a duration, such as "2s" or "1m30s"', notes)
}

/** Seconds, also a part of one. ms */
export function seconds(node: ConfNode, key: string, notes: Notes): number | undefined {
  return node.kind === 'integer' || node.kind === 'float' ? Math.round(node.value * SECOND_MS) : wrong(node, key, 'a number of seconds', notes)
}

function wrong(node: ConfNode, key: string, expected: string, notes: Notes): undefined {
  // The value itself is not shown: it may be a secret.
  return problem(node, `${key} is ${node.kind === 'integer' || node.kind === 'array' ? 'an' : 'a'} ${node.kind}; expected ${expected}`, notes)
}

function problem(node: ConfNode, words: string, notes: Notes): undefined {
  notes.problem(node.at, words)
  return undefined
}
