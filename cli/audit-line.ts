// One line of the audit log, for people. Knows the log's fields, not where the lines come from.

import { formatDateTime, printable } from './format.ts'
import { parseLogLine, textOf } from './log-line.ts'
import { paint } from './table.ts'

/** Of no use to somebody who reads: `logs --audit --verify` looks at them. */
const notShown = new Set(['seq', 'time', 'action', 'who', 'previous', 'hash'])

/** `2026-11-21 12:03:04.123  #7  channel.created  owner  channel=mine`; a line that is no entry as it stands. */
export function formatAuditLine(line: string): string {
  const entry = parseLogLine(line)
  if (entry === undefined) return printable(line)
  const { seq, time, action, who } = entry
  const fields = Object.entries(entry).filter(([name]) => !notShown.has(name))
  const rest = fields.map(([name, value]) => `${paint('dim', `${printable(name)}=`)}${textOf(value)}`)
  const shownAction = paint(/refused|killed|lost|broken/.test(String(action)) ? 'yellow' : 'green', printable(String(action)))
  return [typeof time === 'number' ? formatDateTime(time) : '-', paint('dim', `#${printable(String(seq))}`), shownAction, paint('cyan', textOf(who ?? '')), ...rest].join('  ')
}
