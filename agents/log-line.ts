// Reads one line of an agent's output: structured when it is a JSON log record, plain text otherwise.

import type { LogLevel } from '../broker/ground/settings.ts'

export interface LogLine {
  readonly level: LogLevel
  readonly text: string
  /** What else the record said; empty for plain text. */
  readonly fields: Readonly<Record<string, unknown>>
}

// The broker's own: an agent must not write them into its log, and its own clock and pid say little there.
const RESERVED = new Set(['level', 'msg', 'message', 'time', 'timestamp', 'pid', 'hostname', 'name', 'agent', 'actor', 'stream', 'cutBytes', 'v'])

const levels: Readonly<Record<string, LogLine['level']>> = {
  trace: 'debug', debug: 'debug', info: 'info', notice: 'info', log: 'info', warn: 'warn', warning: 'warn', error: 'error', critical: 'error', fatal: 'error',
}

/**
 * The line as a log takes it. A JSON object with a text `msg` (or `message`) gives its own level, by name or by pino's
 * number, and its other members as fields; any other line is text at `plainLevel`.
 */
export function readLogLine(line: string, plainLevel: LogLine['level']): LogLine {
  const record = line.startsWith('{') ? parseObject(line) : undefined
  const text = record?.['msg'] ?? record?.['message']
  if (record === undefined || typeof text !== 'string') return { level: plainLevel, text: line, fields: {} }
  const fields = Object.fromEntries(Object.entries(record).filter(([name]) => !RESERVED.has(name)))
  return { level: levelOf(record['level']) ?? plainLevel, text, fields }
}

function levelOf(value: unknown): LogLine['level'] | undefined {
  if (typeof value === 'string') return Object.hasOwn(levels, value.toLowerCase()) ? levels[value.toLowerCase()] : undefined
  if (typeof value !== 'number') return undefined
  return value < 30 ? 'debug' : value < 40 ? 'info' : value < 50 ? 'warn' : 'error'
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
