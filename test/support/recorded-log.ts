// A log that keeps what it is told, for tests that look at it.

import { EventEmitter, once } from 'node:events'
import type { Log } from '../../broker/ground/types.ts'

export interface LogRecord {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  /** Those of the call, after those of the log's parents. */
  readonly fields: Readonly<Record<string, unknown>>
  readonly text: string
}

export interface RecordedLog extends Log {
  /** In the order they were made, those of its children included. */
  readonly records: readonly LogRecord[]
  /** Resolves with the first record whose text matches, now or later. */
  logged(pattern: RegExp): Promise<LogRecord>
}

export function recordedLog(): RecordedLog {
  const records: LogRecord[] = []
  const news = new EventEmitter()
  const logWith = (parents: object): Log => {
    const at = (level: LogRecord['level']) => (fields: object, text: string) => {
      records.push({ level, fields: { ...parents, ...fields }, text })
      news.emit('record')
    }
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: fields => logWith({ ...parents, ...fields }) }
  }
  const logged = async (pattern: RegExp): Promise<LogRecord> => {
    for (;;) {
      const found = records.find(record => pattern.test(record.text))
      if (found) return found
      await once(news, 'record')
    }
  }
  return { ...logWith({}), records, logged }
}
