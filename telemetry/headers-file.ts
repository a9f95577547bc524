// Headers for exports from a file of their own, so that a credential need not stand in the configuration.

import { readFileSync } from 'node:fs'
import { BrokerError } from '../broker/ground/errors.ts'

// RFC 9110 5.1 and 5.5: a token, and visible characters with blanks between.
const LINE = /^([!#$%&'*+.^_`|~\dA-Za-z-]+)\s*:\s*([\t\x20-\x7e]*?)\s*$/

/**
 * Lines `name: value`; empty ones and those that begin with `#` are passed over.
 * @throws BrokerError `telemetry.headers`, which says the line's number and never what stands there
 */
export function readHeaders(path: string): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [index, line] of textOf(path).split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const match = LINE.exec(line)
    if (match === null) throw new BrokerError('telemetry.headers', { path, problem: `line ${index + 1} is no "name: value"` })
    headers[match[1]!] = match[2]!
  }
  return headers
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new BrokerError('telemetry.headers', { path, problem: error instanceof Error ? error.message : String(error) }, { cause: error })
  }
}
