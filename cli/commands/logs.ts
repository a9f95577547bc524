// `callboard logs`: the broker's structured log, for people or as it is. Works whether the broker runs or not.

import { existsSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import { audit, type AuditOptions } from './audit.ts'
import type { Context } from '../context.ts'
import { Failure } from '../failure.ts'
import { interruption } from '../interrupt.ts'
import { followLines, readLines } from '../line-source.ts'
import { formatLogLine, isAtLeast, parseLogLine } from '../log-line.ts'
import { printLines } from '../print-lines.ts'

interface LogsOptions extends AuditOptions {
  readonly audit?: true
  readonly level?: 'debug' | 'info' | 'warn' | 'error'
}

const LINES_BEFORE_FOLLOWING = 10

export async function logs(context: Context, options: LogsOptions): Promise<void> {
  if (options.audit) return audit(context, options)
  const { logs: directory, log } = context.paths
  if (!existsSync(options.follow ? directory : log)) {
    throw new Failure({ code: 'log.missing', message: `no log at ${log}`, hint: 'no broker has run with this home; start one with callboard start, or name another home with --home' })
  }
  const limit = options.lines ?? (options.follow ? LINES_BEFORE_FOLLOWING : Infinity)
  await printLines(options.follow ? followLines(log, interruption()) : readLines(log), limit, (line) => show(line, context, options))
}

/** The line as it is printed, or undefined when it was not asked for. */
function show(line: string, context: Context, options: LogsOptions): string | undefined {
  const entry = parseLogLine(line)
  if (options.level !== undefined && !isAtLeast(entry, options.level)) return undefined
  const text = formatLogLine(line, entry)
  // The expression meets what a person sees, without the colours.
  if (options.grep !== undefined && !options.grep.test(stripVTControlCharacters(text))) return undefined
  return context.isJson ? line : text
}
