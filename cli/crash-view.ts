// Shows how agents crashed: a row each, or all that is known of one.

import type { CrashReport, HandledMessage } from '../client/index.ts'
import { formatAgentLine } from './agent-line.ts'
import { formatDateTime, formatDuration, formatTime, plural } from './format.ts'
import { formatFields, formatTable, paint, type Column } from './table.ts'

const columns: readonly Column<CrashReport>[] = [
  { title: 'ENDED', cell: each => formatDateTime(each.time) },
  { title: 'INSTANCE', cell: each => each.instance },
  { title: 'INCARNATION', align: 'right', cell: each => `${each.incarnation} of ${each.brokerIncarnation}` },
  { title: 'RAN', align: 'right', cell: each => formatDuration(each.ranMs) },
  { title: 'HOW', cell: howOf },
  { title: 'LIMITS', cell: each => each.limits.map(({ limit }) => limit).join(', ') || '-' },
  { title: 'NEXT', cell: nextOf },
  { title: 'REPORT', cell: each => each.id },
]

const messageColumns: readonly Column<HandledMessage>[] = [
  { title: 'TIME', cell: each => formatTime(each.time) },
  { title: '', cell: each => each.direction },
  { title: 'KIND', cell: each => (each.count === undefined ? each.kind : `${each.kind} ×${each.count}`) },
  { title: 'SUBJECT', cell: each => each.subject },
  { title: 'FROM', cell: each => each.sender ?? '-' },
  { title: 'FATE', cell: each => (each.unanswered === true ? `${each.fate}, not answered` : each.fate) },
  { title: 'MESSAGE ID', cell: each => each.id },
]

/** A table of reports, with its heading. */
export function formatCrashes(crashes: readonly CrashReport[]): string {
  return formatTable(columns, crashes)
}

/** A line for each thing that is known, then the messages and the lines. */
export function formatCrash(crash: CrashReport): string {
  const { instance, incarnation, brokerIncarnation, pid, core, limits, sandbox, messages, lines } = crash
  const facts = formatFields([
    ['instance', instance],
    ['incarnation', `${incarnation}, in the broker's incarnation ${brokerIncarnation}`],
    ['ended', formatDateTime(crash.time)],
    ['ran', formatDuration(crash.ranMs)],
    ['how', howOf(crash)],
    ['reason', crash.reason],
    ...(pid === undefined ? [] : [['pid', String(pid)] as const]),
    ...(pid === undefined ? [] : [['core file', core === undefined ? 'not known' : core === false ? 'none' : core] as const]),
    ...limits.map(({ limit, evidence }) => ['limit', `${limit}: ${evidence}`] as const),
    ...(sandbox === undefined ? [] : [['sandbox', sandbox.missing.length === 0 ? sandbox.achieved : `${sandbox.achieved} (asked: ${sandbox.asked}; missing: ${sandbox.missing.join('; ')})`] as const]),
    ['next', nextOf(crash)],
    ['report', crash.id],
  ])
  const handled = messages.length === 0 ? 'no messages of it are known' : `${paint('bold', `last ${plural(messages.length, 'message')}`)}\n${formatTable(messageColumns, messages)}`
  const printed = lines.length === 0 ? 'it printed nothing' : [paint('bold', `last ${plural(lines.length, 'line')}`), ...lines.map(formatAgentLine)].join('\n')
  return `${facts}\n\n${handled}\n\n${printed}`
}

function howOf({ signal, code, pid, core, wasAsked }: CrashReport): string {
  if (pid === undefined) return 'not started'
  const how = signal === undefined ? `code ${code ?? 'unknown'}` : typeof core === 'string' ? `${signal}, core dumped` : signal
  return wasAsked ? `${how}, when asked to end` : how
}

function nextOf({ next }: CrashReport): string {
  if (next.kind === 'restart') return `restart in ${formatDuration(next.delayMs)}`
  if (next.kind === 'quarantine') return 'quarantine'
  return { down: 'stays down', escalate: 'its supervisor gave up', stopped: 'it was to end', replaced: 'replaced by plan' }[next.kind]
}
