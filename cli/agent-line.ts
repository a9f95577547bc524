// One line that an agent printed, as `callboard logs` shows it. Knows no broker.

import { readLogLine } from '../agents/log-line.ts'
import type { AgentLogLine } from '../client/index.ts'
import { formatLogLine } from './log-line.ts'

/** Time, level, instance, text and fields. */
export function formatAgentLine({ time, instance, stream, text, cutBytes, suppressed }: AgentLogLine): string {
  const line = readLogLine(text, stream === 'stderr' ? 'warn' : 'info')
  return formatLogLine('', { time, level: line.level, actor: instance, msg: line.text, ...line.fields, stream, ...(cutBytes === undefined ? {} : { cutBytes }), ...(suppressed === undefined ? {} : { suppressed }) })
}
