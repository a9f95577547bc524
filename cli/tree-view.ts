// Draws the actors of a broker as an indented table. Knows what an actor says of itself, not where that comes from.

import type { ActorInfo } from '../broker/ground/types.ts'
import { formatCount, formatDuration } from './format.ts'
import { formatTable, paint, type Column } from './table.ts'

interface Line {
  readonly branch: string
  readonly actor: ActorInfo
}

const columns: readonly Column<Line>[] = [
  { title: 'ACTOR', cell: line => line.branch + line.actor.id },
  { title: 'PHASE', cell: line => line.actor.phase },
  { title: 'INCARNATION', align: 'right', cell: line => formatCount(line.actor.incarnation) },
  { title: 'RESTARTS', align: 'right', cell: line => formatCount(line.actor.restarts) },
  { title: 'AGE', align: 'right', cell: line => formatDuration(Math.floor(line.actor.ageMs)) },
  { title: 'MAILBOX', align: 'right', cell: line => formatCount(line.actor.mailbox) },
  { title: 'DETAIL', cell: line => line.actor.detail },
]

/** One line per actor below a heading; at most `maxLines` lines in all, the last of them then says how many are left out. */
export function formatTree(root: ActorInfo, maxLines = Infinity): string {
  const lines = [...walk(root, '', '')]
  const shown = lines.length + 1 > maxLines ? lines.slice(0, Math.max(1, maxLines - 2)) : lines
  const rest = lines.length - shown.length
  return formatTable(columns, shown) + (rest === 0 ? '' : `\n${paint('dim', `… ${formatCount(rest)} more`)}`)
}

function* walk(actor: ActorInfo, branch: string, indent: string): Generator<Line> {
  yield { branch, actor }
  for (const [at, child] of actor.children.entries()) {
    const isLast = at === actor.children.length - 1
    yield* walk(child, `${indent}${isLast ? '└─ ' : '├─ '}`, `${indent}${isLast ? '   ' : '│  '}`)
  }
}
