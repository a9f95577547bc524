// What the log says of the latest run: how it began and ended, and what went wrong last.

import { statSync } from 'node:fs'
import type { Context } from '../context.ts'
import { formatTime, printable } from '../format.ts'
import { formatLogLine, isAtLeast, parseLogLine } from '../log-line.ts'
import { lastLines } from '../log-tail.ts'
import type { Finding } from './finding.ts'

const FEW = 5

interface RunLog {
  readonly findings: readonly Finding[]
  /** The latest lines of level `warn` or above of that run, for people. */
  readonly problems: readonly string[]
  /** The last thing that a broker in the background wrote to its output, when it complained. */
  readonly complaints: readonly string[]
}

/** @param isRunning a broker holds the home: then the run in the log is its own, and has not ended */
export async function readRunLog(context: Context, isRunning: boolean): Promise<RunLog> {
  const lines = await lastLines(context.paths.log)
  const entries = lines.map(line => ({ line, entry: parseLogLine(line) }))
  const startAt = entries.findLastIndex(({ entry }) => isOwn(entry, 'started'))
  const run = entries.slice(Math.max(0, startAt))
  const problems = run.filter(({ entry }) => entry !== undefined && isAtLeast(entry, 'warn')).slice(-FEW)
  const output = await complaintsOf(context.paths.out, startAt < 0 ? 0 : millisOf(entries[startAt]!.entry!))
  return {
    findings: [lastRun(startAt < 0 ? undefined : entries[startAt]!.entry, run.find(({ entry }) => isOwn(entry, 'ended'))?.entry, isRunning)],
    problems: problems.map(({ line, entry }) => formatLogLine(line, entry)),
    complaints: output,
  }
}

// Actors start and end too, agents with a pid of their own; the broker's own lines name no actor. A start that failed after the run has an end alone.
function isOwn(entry: Record<string, unknown> | undefined, message: string): boolean {
  return entry !== undefined && entry['msg'] === message && entry['actor'] === undefined
}

/** What a start in the background that failed said last. One from before the latest run is no news. */
async function complaintsOf(path: string, startedMs: number): Promise<string[]> {
  const written = statSync(path, { throwIfNoEntry: false })
  if (written === undefined || written.mtimeMs < startedMs) return []
  const lines = await lastLines(path)
  const at = lines.findLastIndex(line => line.startsWith('error: '))
  return at < 0 ? [] : lines.slice(at, at + FEW).map(printable)
}

function lastRun(started: Record<string, unknown> | undefined, ended: Record<string, unknown> | undefined, isRunning: boolean): Finding {
  const check = 'last run'
  if (started === undefined) return { check, state: 'ok', text: 'the log tells of none' }
  const begun = `pid ${String(started['pid'])} started at ${timeOf(started)}`
  if (isRunning) return { check, state: 'ok', text: begun }
  if (ended === undefined) return { check, state: 'warn', text: `${begun} and ended without a word: it was killed, or the machine went down`, remedy: 'see whether memory ran out: dmesg | grep -i "killed process"' }
  const isOrderly = ended['reason'] === 'shutdown' || ended['reason'] === 'normal'
  const text = `${begun} and ended at ${timeOf(ended)}: ${String(ended['reason'])}`
  return isOrderly ? { check, state: 'ok', text } : { check, state: 'fail', text, remedy: 'callboard logs --level error' }
}

function timeOf(entry: Record<string, unknown>): string {
  const at = millisOf(entry)
  return Number.isNaN(at) ? 'an unknown time' : `${new Date(at).toLocaleDateString('sv-SE')} ${formatTime(at)}`
}

function millisOf(entry: Record<string, unknown>): number {
  return typeof entry['time'] === 'number' ? entry['time'] : Date.parse(String(entry['time']))
}
