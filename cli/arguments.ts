// Reads option values from their text. Each throws what commander reports as a usage error.

import { InvalidArgumentError } from 'commander'
import { parseDuration } from '../config/duration.ts'

/** A whole number of at least 1. */
export function count(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1.')
  return Number(text)
}

/** A time such as `500ms`, `5s`, `2m`, or a bare number of milliseconds, as milliseconds of 1..3600000. */
export function timeoutMs(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined || ms < 1 || ms > 3_600_000) throw new InvalidArgumentError('It must be a time from 1ms to 1h, such as 500ms, 5s or 2m; a bare number is milliseconds.')
  return ms
}

/** `client:ID`, `agent:NAME` or `session:ID`, as the subject that reaches it. */
export function address(text: string): string {
  const [, kind, id] = /^(client|agent|session):([A-Za-z0-9_-]{1,128})$/.exec(text) ?? []
  if (id === undefined) throw new InvalidArgumentError('It must be client:ID, agent:NAME or session:ID.')
  return `$CB.to.${kind}.${id}`
}

/** A regular expression in JavaScript's syntax; `\\|` divides alternatives too, as grep has it. A pipe itself is `[|]`. */
export function expression(text: string): RegExp {
  try {
    // Pairs, so that the pipe behind an escaped backslash stays what it is.
    return new RegExp(text.replace(/\\(.)/gsu, (pair, character) => (character === '|' ? '|' : pair)), 'u')
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? `${error.message}.` : '')
  }
}
