// Reads option values from their text. Each throws what commander reports as a usage error.

import { InvalidArgumentError } from 'commander'
import { parseDuration } from '../config/duration.ts'
import { parseSize } from '../config/size.ts'

/** A whole number of at least 1. */
export function count(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1.')
  return Number(text)
}

/** The values of an option that may be given again and again. */
export function appended(text: string, before: readonly string[] = []): string[] {
  return [...before, text]
}

/** A position in a queue: a whole number from 0. */
export function position(text: string): number {
  const value = Number(text)
  if (!/^\d{1,16}$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError('It must be a whole number from 0.')
  return value
}

/** Positions in a queue divided by commas, at most 1000, 1 and up. */
export function positions(text: string): number[] {
  const found = text.split(',').map(part => position(part.trim()))
  if (found.includes(0) || found.length > 1000) throw new InvalidArgumentError('It must be at most 1000 positions from 1, divided by commas, such as 17,18.')
  return found
}

/** A time such as `500ms`, `5s`, `2m`, or a bare number of milliseconds, as milliseconds of 1..3600000. */
export function timeoutMs(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined || ms < 1 || ms > 3_600_000) throw new InvalidArgumentError('It must be a time from 1ms to 1h, such as 500ms, 5s or 2m; a bare number is milliseconds.')
  return ms
}

/** A time such as `30s`, as milliseconds of 3 s to 1 h; 0: none. */
export function hangMs(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined || (ms !== 0 && ms < 3000) || ms > 3_600_000) throw new InvalidArgumentError('It must be a time from 3s to 1h, such as 30s, or 0; a bare number is milliseconds.')
  return ms
}

/** A time such as `5m` or `1h`, as milliseconds of 1 s to 24 h. */
export function periodMs(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined || ms < 1000 || ms > 86_400_000) throw new InvalidArgumentError('It must be a time from 1s to 24h, such as 5m or 1h.')
  return ms
}

/** A time that may be a fraction of a millisecond: `10ms`, `0.5ms`, `2s`, or a bare number of milliseconds. */
export function slowMs(text: string): number {
  const [, number, unit = 'ms'] = /^(\d+(?:\.\d+)?)(us|ms|s)?$/.exec(text) ?? []
  const ms = Number(number) * { us: 0.001, ms: 1, s: 1000 }[unit as 'us' | 'ms' | 's']
  if (!(ms >= 0 && ms <= 3_600_000)) throw new InvalidArgumentError('It must be a time such as 10ms, 0.5ms, 200us or 2s; a bare number is milliseconds.')
  return ms
}

/** A time of any length, from 0, as milliseconds. */
export function waitMs(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined) throw new InvalidArgumentError('It must be a time such as 500ms, 5s, 2m, 12h or 7d; a bare number is milliseconds.')
  return ms
}

/** A size such as `16kb` or `1gb`, as bytes. */
export function sizeBytes(text: string): number {
  const bytes = parseSize(text)
  if (bytes === undefined) throw new InvalidArgumentError('It must be a size such as 512b, 16kb, 1mb or 2gb; a bare number is bytes.')
  return bytes
}

/** A whole number of at least 0. */
export function whole(text: string): number {
  const value = Number(text)
  if (!/^\d{1,13}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 0.')
  return value
}

/** A moment as milliseconds since the epoch: `2026-12-24T18:00`, in local time unless it says otherwise, or that number itself. */
export function momentMs(text: string): number {
  const ms = /^\d{10,16}$/.test(text) ? Number(text) : /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isFinite(ms)) throw new InvalidArgumentError('It must be a moment such as 2026-12-24T18:00 or 2026-12-24T18:00:00Z, or milliseconds since 1970.')
  return ms
}

/** `exponential`, `fixed`, or times divided by commas, such as `1s,5s,1m`. */
export function backoff(text: string): 'exponential' | 'fixed' | number[] {
  return text === 'exponential' || text === 'fixed' ? text : text.split(',').map(part => waitMs(part.trim()))
}

/** Percentiles divided by commas, 0..100 each, at most 20. */
export function percentiles(text: string): number[] {
  const values = text.split(',').map(part => (part.trim() === '' ? Number.NaN : Number(part)))
  if (values.length > 20 || !values.every(value => value >= 0 && value <= 100)) throw new InvalidArgumentError('It must be at most 20 numbers of 0 to 100, divided by commas, such as 50,95,99.9.')
  return values
}

/** Words divided by commas. */
export function words(text: string): string[] {
  const found = text.split(',').map(word => word.trim())
  if (found.includes('')) throw new InvalidArgumentError('It must be names divided by commas.')
  return found
}

/** The address of a gateway. */
export function gatewayUrl(text: string): string {
  if (!/^wss?:$/.test(URL.parse(text)?.protocol ?? '')) throw new InvalidArgumentError('It must be the address of a gateway, such as ws://127.0.0.1:18789.')
  return text
}

/** `SEQ:HASH`, an entry of the audit log as `logs --audit --verify` showed it once. */
export function auditAnchor(text: string): { readonly seq: number; readonly hash: string } {
  const [, seq, hash] = /^([1-9]\d{0,14}):([0-9a-f]{64})$/.exec(text) ?? []
  if (hash === undefined) throw new InvalidArgumentError('It must be SEQ:HASH, as --verify shows it behind "last".')
  return { seq: Number(seq), hash }
}

/** `KEY=VALUE`, added to those before it. */
export function keyValue(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('It must be KEY=VALUE.')
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) }
}

/** A registered name, as the subject on which one of its instances is reached. */
export function service(text: string): string {
  if (text.length > 128 || !/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(text)) throw new InvalidArgumentError('It must be a name of 1 to 128 of A-Z a-z 0-9 . _ -, without an empty part between dots.')
  return `$CB.to.service.${text}`
}

/** `client:ID`, `agent:NAME`, `session:ID` or `service:NAME`, as the subject that reaches it. */
export function address(text: string): string {
  if (text.startsWith('service:')) return service(text.slice('service:'.length))
  const [, kind, id] = /^(client|agent|session):([A-Za-z0-9_-]{1,128})$/.exec(text) ?? []
  if (id === undefined) throw new InvalidArgumentError('It must be client:ID, agent:NAME, session:ID or service:NAME.')
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
