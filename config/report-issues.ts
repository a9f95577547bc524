// Says what the schema found wrong: the key, what stands there, what is allowed, and the key that was probably meant.

import type { z } from 'zod'
import { keysAt } from './keys.ts'
import { laterNames, unknownKey } from './refuse-later.ts'
import type { ConfigReport } from './report.ts'
import { pathText, shownKey, shownValue } from './shown.ts'
import { type KeyPath, nearestNodeAt, nodeAt, type SourceNode } from './source.ts'

type Issue = z.core.$ZodIssue

/** Reports every issue that checking `root` against `schema` raised. */
export function reportIssues(issues: readonly Issue[], schema: z.ZodType, root: SourceNode, report: ConfigReport): void {
  for (const issue of issues) {
    const path = issue.path.map(key => (typeof key === 'number' ? key : String(key)))
    if (issue.code === 'unrecognized_keys') for (const key of issue.keys) reportUnknown([...path, key], schema, root, report)
    else reportValue(issue, path, root, report)
  }
}

function reportUnknown(path: KeyPath, schema: z.ZodType, root: SourceNode, report: ConfigReport): void {
  const owner = path.slice(0, -1)
  const candidates = [...new Set([...keysAt(schema, owner), ...laterNames(owner)])].filter(key => key !== '$schema')
  report.problem(path, nearestNodeAt(root, path).keyOffset, unknownKey(path, candidates))
}

function reportValue(issue: Issue, path: KeyPath, root: SourceNode, report: ConfigReport): void {
  const node = nodeAt(root, path)
  const key = path.length === 0 ? 'the configuration' : pathText(path)
  if (node === undefined) report.problem(path, nearestNodeAt(root, path).offset, `${key} is missing; expected ${issue.message}`)
  else if (issue.code === 'invalid_key') report.problem(path, node.keyOffset, `${key}: ${shownKey(String(path.at(-1)))} is no name; allowed: ${issue.issues[0]?.message ?? issue.message}`)
  else report.problem(path, node.offset, `${key} is ${shownValue(node, path)}${reasonOf(issue)}; allowed: ${issue.message}`)
}

/** What exactly is wrong, where the kind knows more than what it allows. */
function reasonOf(issue: Issue): string {
  const reason: unknown = issue.code === 'custom' ? issue.params?.['reason'] : undefined
  return typeof reason === 'string' ? ` (${reason})` : ''
}
