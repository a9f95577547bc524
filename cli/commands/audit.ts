// `callboard logs --audit`: who did what, from the audit log, and whether its chain holds. Works whether the broker runs or not.

import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import type { ChainEnd } from '../../telemetry/audit-chain.ts'
import { checkAuditFiles, type AuditReport } from '../../telemetry/audit-check.ts'
import { auditFiles } from '../../telemetry/audit-file.ts'
import { formatAuditLine } from '../audit-line.ts'
import type { Context } from '../context.ts'
import { Exit, Failure } from '../failure.ts'
import { formatCount, formatDateTime, plural } from '../format.ts'
import { interruption } from '../interrupt.ts'
import { followLines, readLines } from '../line-source.ts'
import { print, printJson } from '../output.ts'
import { printLines } from '../print-lines.ts'
import { formatFields, paint } from '../table.ts'

export interface AuditOptions {
  readonly grep?: RegExp
  readonly follow?: true
  readonly lines?: number
  /** An anchor, or just that the chain is to be checked. */
  readonly verify?: true | ChainEnd
}

const LINES_BEFORE_FOLLOWING = 10

export async function audit(context: Context, options: AuditOptions): Promise<void> {
  const { audit: path, home } = context.paths
  const files = await auditFiles(path)
  if (options.follow ? !existsSync(home) : files.length === 0) {
    throw new Failure({ code: 'audit.missing', message: `no audit log at ${path}`, hint: 'no broker has run with this home, or its config has audit.enabled: false; name another home with --home' })
  }
  if (options.verify !== undefined) return verify(context, options.verify === true ? undefined : options.verify)
  const show = (line: string): string | undefined => {
    const text = formatAuditLine(line)
    // The expression meets what a person sees, without the colours.
    if (options.grep !== undefined && !options.grep.test(stripVTControlCharacters(text))) return undefined
    return context.isJson ? line : text
  }
  const limit = options.lines ?? (options.follow ? LINES_BEFORE_FOLLOWING : Infinity)
  await printLines(options.follow ? followLines(path, interruption()) : linesOf(files), limit, show)
}

async function* linesOf(files: readonly string[]): AsyncGenerator<string> {
  for (const file of files) yield* readLines(file)
}

async function verify(context: Context, anchor: ChainEnd | undefined): Promise<void> {
  const check = async (): Promise<AuditReport> => checkAuditFiles(await auditFiles(context.paths.audit), anchor)
  let report = await check()
  // A file that was set aside while it was read looks like a break: a second look tells the two apart.
  if (report.problem !== undefined) report = await check()
  if (report.problem !== undefined) process.exitCode = Exit.failed
  if (context.isJson) return printJson({ ok: report.problem === undefined, ...report })
  await printReport(context, report)
}

async function printReport({ paths }: Context, { files, entries, first, last, notes, problem }: AuditReport): Promise<void> {
  await print(
    formatFields([
      ['audit log', paths.audit],
      ['files', formatCount(files)],
      ['entries', first === undefined || last === undefined ? '0' : `${formatCount(entries)}, ${first.seq} to ${last.seq}`],
      ['last', last === undefined ? '-' : `${last.seq}:${last.hash}  ${formatDateTime(last.time)}`],
    ]),
  )
  for (const { file, line, text } of notes) await print(`${paint('yellow', 'note')}  ${place(file, line)}: ${text}`)
  if (problem === undefined) await print(`\n${paint('green', 'the chain holds')}`)
  else await print(`\n${paint('red', 'the chain is broken')} at ${place(problem.file, problem.line)}: ${problem.problem}\n${plural(entries, 'entry', 'entries')} before it ${entries === 1 ? 'is' : 'are'} as written`)
}

function place(file: string, line: number): string {
  return line === 0 ? basename(file) : `${basename(file)} line ${line}`
}
