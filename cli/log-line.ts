// One line of the structured log, for people. Knows the log's fields, not where the lines come from.

import { formatTime, printable } from './format.ts'
import { paint } from './table.ts'

type Level = 'debug' | 'info' | 'warn' | 'error'

// The broker writes words; pino's own numbers are understood as well.
const levelNumbers: Readonly<Record<Level, number>> = { debug: 20, info: 30, warn: 40, error: 50 }
const colours = { debug: 'dim', info: 'green', warn: 'yellow', error: 'red' } as const

const shownInFront = new Set(['level', 'time', 'msg', 'actor'])

/** One entry, or undefined for a line that is no JSON object: it is shown as it stands. */
export function parseLogLine(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** True when the entry is of this level or above; lines that are no entries always are. */
export function isAtLeast(entry: Record<string, unknown> | undefined, level: Level): boolean {
  return entry === undefined || numberOf(entry['level']) >= levelNumbers[level]
}

/** `12:03:04.123 warn  agent.tail  exited  code=1`: time, level, actor, text and the other fields. Colour when stdout shows it. */
export function formatLogLine(line: string, entry: Record<string, unknown> | undefined): string {
  if (entry === undefined) return printable(line)
  const level = nameOf(numberOf(entry['level']))
  const at = typeof entry['time'] === 'number' ? entry['time'] : Date.parse(String(entry['time']))
  const actor = entry['actor'] === undefined ? [] : [paint('cyan', textOf(entry['actor']))]
  const fields = Object.entries(entry).filter(([name]) => !shownInFront.has(name))
  const rest = fields.map(([name, value]) => `${paint('dim', `${printable(name)}=`)}${textOf(value)}`)
  return [Number.isNaN(at) ? '-' : formatTime(at), paint(colours[level], level.padEnd(5)), ...actor, textOf(entry['msg'] ?? ''), ...rest].join('  ')
}

/** Text as it is, anything else as JSON; control characters written out. */
export function textOf(value: unknown): string {
  return printable(typeof value === 'string' ? value : JSON.stringify(value))
}

function numberOf(level: unknown): number {
  if (typeof level === 'number') return level
  return Object.hasOwn(levelNumbers, String(level)) ? levelNumbers[level as Level] : levelNumbers.info
}

function nameOf(number: number): Level {
  if (number >= levelNumbers.error) return 'error'
  if (number >= levelNumbers.warn) return 'warn'
  return number >= levelNumbers.info ? 'info' : 'debug'
}
