// Which keys a store was sealed with, as it says itself, and its secret for hashes of ids. Knows no rows.
//
// The record stands in the store, as text:  {"keys":["2b1f90c4"],"secret":"4RIrH5DE…"}
//   keys     ids of all keys that rows may be sealed with: a store whose key is not configured any more does not start, instead of
//            finding rows that it cannot read later on
//   secret   32 random bytes, sealed with the first key. Message ids and sessions are told apart by their HMAC under it, so that it must
//            stay the same when keys are rotated.
//   strangeIds  true: an earlier record was damaged, and the secret with it. Ids and sessions of messages of then are hashed with one that nobody
//            knows, and are not compared with what is sealed, until `queue reseal` hashes all anew

import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto'
import { Cipher, keyIdOf } from './cipher.ts'
import { unusable, type StoreKey } from './seal-keys.ts'

export interface KeyRing {
  readonly secret: KeyObject
  /** To be kept in the store before anything is sealed; the same text when nothing changed. */
  readonly record: string
  /** Keys that rows may be sealed with, the one that seals now first. More than one: `queue reseal` makes it one. */
  readonly keys: readonly string[]
  /** The record was not understood: the secret is new, ids of before are not known any more. */
  readonly isRenewed: boolean
  /** There may be rows of before such a record was damaged: what their ids are hashed with is lost. */
  readonly hasStrangeIds: boolean
}

interface KeyRecord {
  readonly keys: readonly string[]
  readonly secret: string
  readonly strangeIds?: boolean
}

/**
 * Compares the record of a store with the keys that there are.
 * @param record undefined: the store is new, or was not encrypted until now
 * @param isAlone all rows are known to be sealed with the first key, and their ids hashed with the secret: the others leave the record
 * @throws BrokerError `store.key` when rows may be sealed with a key that is not among `keys`
 */
export function openRing(keys: readonly StoreKey[], record: string | undefined, isAlone = false): KeyRing {
  const first = keys[0]!
  const cipher = new Cipher(keys)
  const old = record === undefined ? undefined : parseRecord(record)
  for (const id of old?.keys ?? []) {
    if (!keys.some(key => key.id === id)) throw unusable(`the store has messages sealed with key ${id}, and the configured keys are ${keys.map(key => key.id).join(', ')}; name its file or command in store.embedded.encryption.keys again`)
  }
  const sealed = old === undefined ? undefined : Buffer.from(old.secret, 'base64')
  const opened = sealed === undefined ? undefined : cipher.open(sealed, bound)
  const isKnown = Buffer.isBuffer(opened)
  const secret = isKnown ? opened : randomBytes(32)
  const ids = isAlone || old === undefined ? [first.id] : [first.id, ...old.keys.filter(id => id !== first.id)]
  const isRenewed = record !== undefined && !isKnown
  const hasStrangeIds = !isAlone && (isRenewed || old?.strangeIds === true)
  const isCurrent = isKnown && keyIdOf(sealed!) === first.id && ids.join() === old!.keys.join() && hasStrangeIds === (old!.strangeIds === true)
  const text = isCurrent ? record! : JSON.stringify({ keys: ids, secret: cipher.seal([secret], bound).toString('base64'), ...(hasStrangeIds && { strangeIds: true }) } satisfies KeyRecord)
  return { secret: createSecretKey(secret), record: text, keys: ids, isRenewed, hasStrangeIds }
}

/**
 * For a store whose settings name no keys.
 * @throws BrokerError `store.key` when it was encrypted
 */
export function refuseRing(record: string | undefined): void {
  if (record === undefined) return
  const keys = parseRecord(record)?.keys
  throw unusable(`the store is encrypted${keys === undefined ? '' : ` with key ${keys.join(', ')}`}, and store.embedded.encryption names no keys; name the file or command that gives it`)
}

const bound = Buffer.from('callboard store secret')

function parseRecord(text: string): KeyRecord | undefined {
  try {
    const { keys, secret, strangeIds } = JSON.parse(text) as Partial<KeyRecord>
    if (Array.isArray(keys) && keys.length > 0 && keys.every(id => typeof id === 'string' && /^[0-9a-f]{8}$/.test(id)) && typeof secret === 'string') return { keys, secret, strangeIds: strangeIds === true }
  } catch {
    // Damaged: told by isRenewed.
  }
  return undefined
}
