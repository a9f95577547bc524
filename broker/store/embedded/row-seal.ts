// Makes of a message what stands in its row, and of the row the message again, or says what is damaged. Knows no database.
//
//   plain      frame as it is, message id and session as they are                                              + sum
//   encrypted  seal(message id, session, frame), message id and session as keyed hashes, errors sealed as well  + sum
//
// The sum covers the row as it stands, so that anybody can check and salvage rows without the key. Encrypted rows are bound to their queue,
// position and times by AES-GCM as well: nobody without the key can change one, or put one in another's place.

import { createHmac, type KeyObject } from 'node:crypto'
import { Cipher, SEALED, SEAL_BYTES, keyIdOf } from './cipher.ts'
import { openRing, refuseRing, type KeyRing } from './key-ring.ts'
import { UNTRIED, type OpenedRow } from './message-row.ts'
import { contentOf, contentSum, queueSeed, stateOf, stateSum, type RowFields } from './row-sum.ts'
import { loadKeys, type StoreKey } from './seal-keys.ts'
import type { KeySource } from '../../ground/store-settings.ts'

export { stateSum, type RowFields } from './row-sum.ts'

/** What is written: these in the columns of the same names. */
export interface SealedRow {
  readonly blob: Uint8Array
  /** Content only: add `stateSum(position, attempts, dueAtMs)`. */
  readonly sum: number
  readonly messageId: string | null
  readonly session: string | null
}

/** A row as it was read. Damaged ones hold anything: hence no types. */
export interface ReadRow {
  readonly position: unknown
  readonly storedAtMs: unknown
  readonly expiresAtMs: unknown
  readonly sequence: unknown
  readonly messageId: unknown
  readonly session: unknown
  readonly blob: unknown
  readonly sum: unknown
  /** With `dueAtMs`: compared with the sum of the state. undefined: only the content is. */
  readonly attempts?: unknown
  readonly dueAtMs?: unknown
}

/** Seals and opens for a whole store; one for each opening of it. */
export class StoreSeal {
  /** undefined: nothing is encrypted. */
  readonly ring: KeyRing | undefined
  readonly #cipher: Cipher | undefined

  private constructor(keys: readonly StoreKey[], ring: KeyRing | undefined) {
    this.ring = ring
    this.#cipher = keys.length === 0 ? undefined : new Cipher(keys)
  }

  /**
   * @param sources undefined: nothing is encrypted
   * @param record what the store keeps of its keys (`ring.record` of the last opening); undefined: nothing yet
   * @throws BrokerError `store.key` when a key cannot be had, or one is missing that the store was sealed with
   */
  static open(sources: readonly KeySource[] | undefined, record: string | undefined): StoreSeal {
    if (sources === undefined) {
      refuseRing(record)
      return new StoreSeal([], undefined)
    }
    const keys = loadKeys(sources)
    return new StoreSeal(keys, openRing(keys, record))
  }

  /** Opens nothing that is encrypted: enough to compare sums. */
  static keyless(): StoreSeal {
    return new StoreSeal([], undefined)
  }

  /** The record of the keys was damaged: what that costs. */
  get damage(): string | undefined {
    return this.ring?.isRenewed === true ? 'the record of its keys does not fit its seal: ids and sessions of the messages that it holds are not known any more, and a repeat of them is no duplicate; see callboard queue reseal' : undefined
  }

  queue(name: string): QueueSeal {
    return new QueueSeal(name, this.#cipher, this.ring)
  }
}

export class QueueSeal {
  readonly #seed: number
  readonly #name: Buffer
  readonly #cipher: Cipher | undefined
  readonly #secret: KeyObject | undefined
  readonly #hasStrangeIds: boolean

  constructor(name: string, cipher: Cipher | undefined, ring: KeyRing | undefined) {
    this.#seed = queueSeed(name)
    this.#name = Buffer.from(name)
    this.#cipher = cipher
    this.#secret = ring?.secret
    this.#hasStrangeIds = ring?.hasStrangeIds === true
  }

  /** How this store tells message ids and sessions apart: the text itself, or its keyed hash (22 characters). */
  idOf(text: string): string {
    return this.#secret === undefined ? text : createHmac('sha256', this.#secret).update(this.#name).update('\0').update(text).digest().toString('base64url', 0, 16)
  }

  /** A message as it is to be written; `fields` as they were published. */
  seal(fields: RowFields, frame: Uint8Array): SealedRow {
    if (this.#cipher === undefined) return { blob: frame, sum: contentSum(this.#seed, fields, frame), messageId: fields.messageId, session: fields.session }
    const { messageId, session } = fields
    const blob = this.#cipher.seal([packTexts(messageId, session), frame], this.#bound(fields))
    const hashed = { ...fields, messageId: messageId === null ? null : this.idOf(messageId), session: session === null ? null : this.idOf(session) }
    return { blob, sum: contentSum(this.#seed, hashed, blob), messageId: hashed.messageId, session: hashed.session }
  }

  /** By how much the blob of such a message is longer than its frame. bytes */
  bytesAround({ messageId, session }: { readonly messageId: string | undefined; readonly session: string | undefined }): number {
    return this.#cipher === undefined ? 0 : SEAL_BYTES + packTexts(messageId ?? null, session ?? null).length
  }

  /** The message of a row, or what is wrong with it. Never throws, whatever is in the row. */
  open(row: ReadRow): OpenedRow | string {
    const damage = this.check(row)
    if (damage !== undefined) return damage
    const fields = row as RowFields
    const blob = row.blob as Uint8Array
    if (!isSealed(blob)) return { frame: blob, messageId: fields.messageId ?? undefined, session: fields.session ?? undefined }
    const plain = this.#cipher?.open(blob, this.#bound(fields)) ?? { missingKey: keyIdOf(blob) }
    if (plain === 'damaged') return 'the seal does not fit: the row was changed, or moved here from another place'
    if ('missingKey' in plain) return `sealed with key ${plain.missingKey}, which is not configured`
    const unpacked = unpackTexts(plain)
    if (this.#hasStrangeIds) return unpacked
    // Hashed columns stand outside of the seal: whoever can compute a CRC could swap them.
    for (const [text, column] of [[unpacked.messageId, fields.messageId], [unpacked.session, fields.session]] as const) {
      if ((text === undefined ? null : this.idOf(text)) !== column) return 'the hashes of message id and session are not those of the message'
    }
    return unpacked
  }

  /** What is wrong with a row as far as its sum tells; undefined: nothing. Needs no key. */
  check(row: ReadRow): string | undefined {
    const { position, sum, blob } = row
    if (!isCount(position) || !isCount(sum) || !isCount(row.storedAtMs) || !isCount(row.expiresAtMs) || !isCount(row.sequence) || !isText(row.messageId) || !isText(row.session)) return 'a column holds what it never holds'
    if (!(blob instanceof Uint8Array)) return 'the frame is missing'
    if (contentSum(this.#seed, row as RowFields, blob) !== contentOf(sum)) return 'the checksum does not fit'
    if (row.attempts === undefined && row.dueAtMs === undefined) return undefined
    if (!isAttempts(row.attempts) || !isCount(row.dueAtMs) || stateSum(position, row.attempts, row.dueAtMs) !== stateOf(sum)) return 'attempts or due time do not fit their checksum'
    return undefined
  }

  /** A text that belongs to the message at `position`, such as its last error: itself, or sealed. */
  sealText(position: number, text: string): string | Uint8Array {
    return this.#cipher === undefined ? text : this.#cipher.seal([Buffer.from(text)], this.#boundText(position))
  }

  /** The text again; undefined when it is damaged or its key is missing. */
  openText(position: number, value: unknown): string | undefined {
    if (typeof value === 'string') return value
    const plain = value instanceof Uint8Array ? this.#cipher?.open(value, this.#boundText(position)) : undefined
    return Buffer.isBuffer(plain) ? plain.toString() : undefined
  }

  #bound({ position, storedAtMs, expiresAtMs, sequence }: RowFields): Uint8Array {
    const bytes = Buffer.alloc(32 + this.#name.length)
    bytes.writeDoubleLE(position)
    bytes.writeDoubleLE(storedAtMs, 8)
    bytes.writeDoubleLE(expiresAtMs, 16)
    bytes.writeDoubleLE(sequence, 24)
    this.#name.copy(bytes, 32)
    return bytes
  }

  #boundText(position: number): Uint8Array {
    return Buffer.from(`text ${position} ${this.#name.toString('latin1')}`, 'latin1')
  }
}

/** True for a blob that was encrypted. */
export function isSealed(blob: Uint8Array): boolean {
  return blob[0] === SEALED
}

// present u8, length of the id u16, id, length of the session u16, session
function packTexts(messageId: string | null, session: string | null): Buffer {
  const id = Buffer.from(messageId ?? '')
  const key = Buffer.from(session ?? '')
  const packed = Buffer.alloc(5 + id.length + key.length)
  packed[0] = (messageId === null ? 0 : 1) | (session === null ? 0 : 2)
  packed.writeUInt16BE(id.length, 1)
  id.copy(packed, 3)
  packed.writeUInt16BE(key.length, 3 + id.length)
  key.copy(packed, 5 + id.length)
  return packed
}

// The bytes passed AES-GCM: they are as they were written.
function unpackTexts(plain: Buffer): OpenedRow {
  const present = plain[0]!
  const idEnd = 3 + plain.readUInt16BE(1)
  const sessionEnd = idEnd + 2 + plain.readUInt16BE(idEnd)
  return {
    frame: plain.subarray(sessionEnd),
    messageId: present & 1 ? plain.toString('utf8', 3, idEnd) : undefined,
    session: present & 2 ? plain.toString('utf8', idEnd + 2, sessionEnd) : undefined,
  }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isAttempts(value: unknown): value is number {
  return value === UNTRIED || isCount(value)
}

function isText(value: unknown): value is string | null {
  return value === null || typeof value === 'string'
}
