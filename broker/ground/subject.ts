// Subjects and patterns: what is valid, and what matches. Knows nothing of who subscribed.

import { BrokerError } from './errors.ts'

/** Longest subject or pattern. bytes of UTF-8 */
const MAX_SUBJECT_BYTES = 255

const utf8 = new TextEncoder()

// White space and controls end words in other dialects and in logs; `*` and `>` are wildcards.
const NOT_IN_TOKEN = /[\s\p{Cc}*>]/u

/** Where a NATS client asks what it is; the broker answers itself. */
export const USER_INFO = '$SYS.REQ.USER.INFO'

/** First tokens under which clients have no subjects of their own. */
const RESERVED = new Set(['$CB', '$SYS', '$JS', '_INBOX'])

/**
 * The tokens of a subject.
 * @throws BrokerError `subject.invalid`: empty, above 255 bytes, an empty token, white space, a wildcard
 */
export function parseSubject(subject: string): string[] {
  const tokens = subject.split('.')
  const problem = problemOf(subject, tokens) ?? tokens.map(problemOfToken).find(Boolean)
  if (problem) throw new BrokerError('subject.invalid', { subject: shown(subject), problem })
  return tokens
}

/**
 * The tokens of a pattern: as a subject, but a whole token may be `*`, and the last one `>`.
 * @throws BrokerError `pattern.invalid`
 */
export function parsePattern(pattern: string): string[] {
  const tokens = pattern.split('.')
  let problem = problemOf(pattern, tokens)
  for (let i = 0; problem === undefined && i < tokens.length; i++) {
    const token = tokens[i]!
    if (token === '*') continue
    if (token !== '>') problem = problemOfToken(token)
    else if (i !== tokens.length - 1) problem = '">" may stand only at the end'
  }
  if (problem) throw new BrokerError('pattern.invalid', { pattern: shown(pattern), problem })
  return tokens
}

/** True when the pattern's tokens match the subject's. */
export function matchesPattern(pattern: readonly string[], subject: readonly string[]): boolean {
  for (let i = 0; i < pattern.length; i++) {
    const token = pattern[i]!
    if (token === '>') return subject.length > i
    if (i >= subject.length || (token !== '*' && token !== subject[i])) return false
  }
  return pattern.length === subject.length
}

/** True when some subject matches both patterns. */
export function patternsOverlap(a: readonly string[], b: readonly string[]): boolean {
  for (let i = 0; ; i++) {
    if (i === a.length || i === b.length) return a.length === b.length
    if (a[i] === '>' || b[i] === '>') return true
    if (a[i] !== '*' && b[i] !== '*' && a[i] !== b[i]) return false
  }
}

/** True for `$CB.` `$SYS.` `$JS.` `_INBOX.`: subjects of the broker, not of its users. */
export function isReserved(tokens: readonly string[]): boolean {
  return RESERVED.has(tokens[0]!)
}

function problemOf(text: string, tokens: readonly string[]): string | undefined {
  if (text === '') return 'it is empty'
  if (text.length > MAX_SUBJECT_BYTES || utf8.encode(text).length > MAX_SUBJECT_BYTES) return `it is longer than ${MAX_SUBJECT_BYTES} bytes`
  if (tokens.includes('')) return 'it has an empty token (a dot too many)'
  return undefined
}

function problemOfToken(token: string): string | undefined {
  const wrong = NOT_IN_TOKEN.exec(token)?.[0]
  if (wrong === undefined) return undefined
  if (wrong === '*' || wrong === '>') return `the wildcard "${wrong}" is not allowed in "${shown(token)}"`
  return 'it has white space or a control character'
}

function shown(text: string): string {
  const short = text.length > 80 ? `${text.slice(0, 80)}…` : text
  return short.replace(/\p{Cc}/gu, '\u{FFFD}')
}
