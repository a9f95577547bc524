// Refuses by name what is known and does not work yet (later.ts), so that it is neither ignored nor called a misspelling.

import type { z } from 'zod'
import { nearest } from '../broker/ground/nearest.ts'
import { keysAt } from './keys.ts'
import { laterGroups, refusedValues } from './later.ts'
import type { ConfigReport } from './report.ts'
import type { KeyPath, SourceNode } from './source.ts'
import { pathText, shownKey } from './shown.ts'

interface LaterRow {
  readonly tokens: readonly string[]
  readonly feature: string
}

const rows: readonly LaterRow[] = laterGroups.flatMap(({ feature, keys }) => keys.map(([path]) => ({ tokens: path.split('.'), feature })))

/** Reports every key and value under `root` that comes later than `schema`; returns the nodes, which are not to be looked at any more. */
export function refuseLater(root: SourceNode, schema: z.core.$ZodType, report: ConfigReport): ReadonlySet<SourceNode> {
  const refused = new Set<SourceNode>()
  refuseBelow([], root, schema, report, refused)
  refuseValues([], root, report, refused)
  return refused
}

// Of a block that works in part, what does not.
function refuseBelow(path: KeyPath, node: SourceNode, schema: z.core.$ZodType, report: ConfigReport, refused: Set<SourceNode>): void {
  const working = keysAt(schema, path)
  for (const [key, member] of node.members) {
    const memberPath = [...path, key]
    if (rowsAt(memberPath).length === 0) continue
    if (working.includes(key)) refuseBelow(memberPath, member, schema, report, refused)
    else {
      refused.add(member)
      refuseKey(memberPath, member, report)
    }
  }
}

/** Names of later keys directly below `path`. */
export function laterNames(path: KeyPath): string[] {
  const names = rowsAt(path).map(row => row.tokens[path.length])
  return [...new Set(names)].filter(name => name !== undefined && name !== '*') as string[]
}

// As high up as one feature explains everything below: thirty lines about one missing feature help nobody.
function refuseKey(path: KeyPath, node: SourceNode, report: ConfigReport): void {
  const known = rowsAt(path)
  const features = [...new Set(known.map(row => row.feature))]
  if (features.length === 0) report.problem(path, node.keyOffset, unknownKey(path, laterNames(path.slice(0, -1))))
  else if (features.length === 1 || node.members.size === 0) report.problem(path, node.keyOffset, `${pathText(path)} does not work in this version: it comes with ${features.join(', ')}; remove it`)
  else for (const [key, member] of node.members) refuseKey([...path, key], member, report)
}

function refuseValues(path: KeyPath, node: SourceNode, report: ConfigReport, refused: Set<SourceNode>): void {
  if (refused.has(node)) return
  for (const [key, member] of node.members) refuseValues([...path, node.kind === 'list' ? Number(key) : key], member, report, refused)
  if (node.kind !== 'scalar') return
  const row = refusedValues.find(row => row.value === node.scalar && isAt(row.path.split('.'), path))
  if (row === undefined) return
  refused.add(node)
  report.problem(path, node.offset, `${pathText(path)} is ${JSON.stringify(row.value)}, which ${row.reason}; allowed: ${row.instead}`)
}

/** "… is not a key; did you mean …", for a key that neither works nor comes later. */
export function unknownKey(path: KeyPath, candidates: readonly string[]): string {
  const key = shownKey(String(path.at(-1)))
  const owner = path.length > 1 ? `of ${pathText(path.slice(0, -1))}` : 'at the top'
  const near = nearest(String(path.at(-1)), candidates)
  return near === undefined ? `${key} is not a key ${owner}; allowed: ${candidates.join(', ')}` : `${key} is not a key ${owner}; did you mean "${near}"?`
}

function rowsAt(path: KeyPath): LaterRow[] {
  return rows.filter(row => isAt(row.tokens.slice(0, path.length), path))
}

function isAt(tokens: readonly string[], path: KeyPath): boolean {
  return tokens.length === path.length && tokens.every((token, i) => token === '*' || token === String(path[i]))
}
