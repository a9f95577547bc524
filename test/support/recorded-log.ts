// A log that keeps what it is told, for tests that look at it.

import type { Log } from '../../broker/ground/types.ts'

export interface LogRecord {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  /** Those of the call, after those of the log's parents. */
  readonly fields: Readonly<Record<string, unknown>>
  readonly text: string
}

/** A log, its children included, whose records appear in `records` in the order they were made. */
export function recordedLog(records: LogRecord[] = [], parents: object = {}): Log & { readonly records: LogRecord[] } {
  const at = (level: LogRecord['level']) => (fields: object, text: string) => void records.push({ level, fields: { ...parents, ...fields }, text })
  return { records, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: fields => recordedLog(records, { ...parents, ...fields }) }
}
