// The map `permissions`: what a user may publish, receive and answer.

import type { ResponseRules } from '../../../broker/ground/settings.ts'
import { parsePattern } from '../../../broker/ground/subject.ts'
import type { ConfNode } from '../conf/node.ts'
import type { PermissionOptions, SubjectRules } from '../options.ts'
import type { Notes } from './notes.ts'
import { keyTable, readKeys, sets } from './reading.ts'
import { durationText, integer, map, texts } from './values.ts'

const DEFAULT_RESPONSES: ResponseRules = { maxMessages: 1, ttlMs: 120_000 }

const table = keyTable<PermissionOptions>(
  ['pub publish import', sets('publish', (node, key, notes) => subjectRules(node, key, notes, false))],
  ['sub subscribe export', sets('subscribe', (node, key, notes) => subjectRules(node, key, notes, true))],
  ['allow_responses publish_allow_responses', sets('responses', responses)],
)

export function permissions(node: ConfNode, key: string, notes: Notes): PermissionOptions | undefined {
  const entries = map(node, key, notes)
  if (entries === undefined) return undefined
  const options = readKeys<PermissionOptions>(entries, table, {}, notes)
  // Who may answer, and is not said to publish anything, publishes nothing else.
  if (options.responses !== undefined && options.publish?.allow === undefined) options.publish = { ...options.publish, allow: [] }
  return options
}

/** A subject, several, or a map of `allow` and `deny`. */
function subjectRules(node: ConfNode, key: string, notes: Notes, mayHaveGroup: boolean): SubjectRules | undefined {
  const list = (item: ConfNode, name: string): string[] | undefined => patterns(item, name, notes, mayHaveGroup)
  if (node.kind !== 'map') {
    const allow = list(node, key)
    return allow === undefined ? undefined : { allow }
  }
  if (node.value.size === 0) return undefined
  const rules = keyTable<SubjectRules>(['allow', sets('allow', list)], ['deny', sets('deny', list)])
  return readKeys<SubjectRules>(node.value, rules, {}, notes)
}

/** Patterns; for receiving also `pattern group`, which holds for that queue group alone. */
function patterns(node: ConfNode, key: string, notes: Notes, mayHaveGroup: boolean): string[] | undefined {
  const found = texts(node, key, notes)
  for (const entry of found ?? []) {
    const words = entry.trim().split(/\s+/)
    if (words.length > (mayHaveGroup ? 2 : 1) || !isPattern(words[0]!)) notes.problem(node.at, `${key}: "${entry}" is not a valid subject`)
  }
  return found
}

function isPattern(entry: string): boolean {
  try {
    parsePattern(entry)
    return true
  } catch {
    return false
  }
}

function responses(node: ConfNode, key: string, notes: Notes): ResponseRules | undefined {
  if (node.kind === 'boolean') return node.value ? DEFAULT_RESPONSES : undefined
  const entries = map(node, key, notes)
  if (entries === undefined) return undefined
  const draft: { maxMessages?: number; ttlMs?: number } = {}
  readKeys(entries, keyTable<typeof draft>(['max max_msgs max_messages max_responses', sets('maxMessages', integer)], ['expires expiration ttl', sets('ttlMs', durationText)]), draft, notes)
  // 0 means the default, as in nats-server.
  return { maxMessages: draft.maxMessages || DEFAULT_RESPONSES.maxMessages, ttlMs: draft.ttlMs || DEFAULT_RESPONSES.ttlMs }
}
