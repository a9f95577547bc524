// The form of the audit log: one JSON object per line, each of which has the hash of the one before. Knows no file.
//
//   {"seq":7,"time":…,"action":…,"who":…, …,"previous":"<hash of 6>","hash":"<64 hex>"}
//   └───────────────── SHA-256 of these bytes and a "}" ─────────────┘
//
// Checked over the bytes as they stand, so nothing has to be written again the same way to check it.

import { createHash } from 'node:crypto'
import type { AuditAction, AuditFields } from '../broker/ground/audit.ts'

/** Where a chain stands: its last entry. */
export interface ChainEnd {
  readonly seq: number
  /** 64 hex digits. */
  readonly hash: string
}

/** Before the first entry. */
export const CHAIN_START: ChainEnd = { seq: 0, hash: '0'.repeat(64) }

/** Something that was done, not in the chain yet. */
export interface AuditEvent {
  /** ms since the epoch */
  readonly time: number
  readonly action: AuditAction
  readonly who: string
  readonly fields: AuditFields
}

/** An entry of the file. */
export interface AuditEntry extends ChainEnd {
  readonly time: number
  readonly action: string
  readonly who: string
  readonly previous: string
  readonly [field: string]: unknown
}

/** A name from outside is never so long that a line could not be read in one piece. */
const MAX_TEXT = 512
const BEFORE_HASH = ',"hash":"'
/** What follows the hashed bytes: the member `hash` and the end of the object. */
const HASH_MEMBER_BYTES = BEFORE_HASH.length + 64 + '"}'.length

/** The line (with its `\n`) that puts `event` behind `end`, and the end that the chain has then. */
export function auditLine(event: AuditEvent, end: ChainEnd): { readonly line: string; readonly end: ChainEnd } {
  const { time, action, who, fields } = event
  const seq = end.seq + 1
  const whole = JSON.stringify({ seq, time, action, who, ...fields, previous: end.hash }, shortened)
  const hash = digest(whole)
  return { line: `${whole.slice(0, -1)}${BEFORE_HASH}${hash}"}\n`, end: { seq, hash } }
}

/** The entry that a line (without its `\n`) is; undefined when it is none, or its hash is not that of its content. */
export function readAuditLine(line: Uint8Array): AuditEntry | undefined {
  const bytes = Buffer.from(line.buffer, line.byteOffset, line.length)
  const member = bytes.length - HASH_MEMBER_BYTES
  if (member < 1 || bytes.toString('latin1', member, member + BEFORE_HASH.length) !== BEFORE_HASH) return undefined
  const entry = parse(bytes)
  if (entry === undefined || entry.hash !== digest(Buffer.concat([bytes.subarray(0, member), Buffer.from('}')]))) return undefined
  return entry
}

/** How the log names bytes that are no entry. */
export function digest(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

function parse(bytes: Buffer): AuditEntry | undefined {
  try {
    const value = JSON.parse(bytes.toString('utf8')) as Record<string, unknown> | null
    const { seq, time, action, who, previous } = value ?? {}
    return Number.isSafeInteger(seq) && typeof time === 'number' && typeof action === 'string' && typeof who === 'string' && typeof previous === 'string' ? (value as AuditEntry) : undefined
  } catch {
    return undefined
  }
}

function shortened(_: string, value: unknown): unknown {
  return typeof value === 'string' && value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value
}
