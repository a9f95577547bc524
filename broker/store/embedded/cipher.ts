// Encrypts bytes under the keys of the store, so that they open again only where they were put. Knows no rows.
//
//   0xe1  key id 4  salt 12  counter 6  ciphertext…  tag 16        39 bytes more than the plain text
//
// AES-256-GCM must never see a nonce twice under one key, and random nonces are safe for 2^32 messages only: a day of a busy queue.
// So each opening of the store makes a key of its own (HKDF of the store's key and a random salt) and counts from 1 under it.

import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, randomBytes, type KeyObject } from 'node:crypto'
import type { StoreKey } from './seal-keys.ts'

/** First byte of what was sealed. A plain frame begins with its length, of which the first byte is 0. */
export const SEALED = 0xe1

const KEY_AT = 1
const SALT_AT = 5
const COUNTER_AT = 17
const HEADER = 23
const TAG = 16
/** By how many bytes what is sealed is longer. */
export const SEAL_BYTES = HEADER + TAG
const NONCE = 12
/** Derived keys of earlier openings that are kept ready. */
const MAX_DERIVED = 256

/** Why something does not open. */
export type CipherProblem = 'damaged' | { readonly missingKey: string }

export class Cipher {
  readonly #keys: ReadonlyMap<string, StoreKey>
  readonly #header = Buffer.alloc(HEADER)
  readonly #sealing: KeyObject
  readonly #derived = new Map<string, KeyObject>()
  readonly #nonce = Buffer.alloc(NONCE)
  #counter = 0

  /** @param keys the first one seals */
  constructor(keys: readonly StoreKey[]) {
    this.#keys = new Map(keys.map(each => [each.id, each]))
    const salt = randomBytes(COUNTER_AT - SALT_AT)
    this.#header[0] = SEALED
    this.#header.write(keys[0]!.id, KEY_AT, 'hex')
    salt.copy(this.#header, SALT_AT)
    this.#sealing = derive(keys[0]!.key, salt)
  }

  /** `plain` in pieces; `bound` is not kept, and must be the same to open it. */
  seal(plain: readonly Uint8Array[], bound: Uint8Array): Buffer {
    this.#header.writeUIntBE(++this.#counter, COUNTER_AT, 6)
    this.#header.copy(this.#nonce, NONCE - 6, COUNTER_AT)
    const cipher = createCipheriv('aes-256-gcm', this.#sealing, this.#nonce)
    cipher.setAAD(this.#header)
    cipher.setAAD(bound)
    const pieces: Uint8Array[] = [Buffer.from(this.#header)]
    for (const piece of plain) pieces.push(cipher.update(piece))
    pieces.push(cipher.final(), cipher.getAuthTag())
    return Buffer.concat(pieces)
  }

  /** The plain bytes, or why there are none. */
  open(sealed: Uint8Array, bound: Uint8Array): Buffer | CipherProblem {
    if (sealed.length < HEADER + TAG || sealed[0] !== SEALED) return 'damaged'
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
    const key = this.#keyOf(bytes)
    if (typeof key === 'string') return { missingKey: key }
    const nonce = Buffer.alloc(NONCE)
    bytes.copy(nonce, NONCE - 6, COUNTER_AT, HEADER)
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG })
    decipher.setAAD(bytes.subarray(0, HEADER))
    decipher.setAAD(bound)
    decipher.setAuthTag(bytes.subarray(-TAG))
    const plain = decipher.update(bytes.subarray(HEADER, -TAG))
    try {
      decipher.final()
      return plain
    } catch {
      return 'damaged'
    }
  }

  #keyOf(bytes: Buffer): KeyObject | string {
    const name = bytes.toString('latin1', KEY_AT, COUNTER_AT)
    const known = this.#derived.get(name)
    if (known !== undefined) return known
    const id = keyIdOf(bytes)
    const key = this.#keys.get(id)
    if (key === undefined) return id
    const derived = derive(key.key, bytes.subarray(SALT_AT, COUNTER_AT))
    if (this.#derived.size === MAX_DERIVED) this.#derived.clear()
    this.#derived.set(name, derived)
    return derived
  }
}

/** Id of the key that sealed these bytes. */
export function keyIdOf(sealed: Uint8Array): string {
  return Buffer.from(sealed.subarray(KEY_AT, SALT_AT)).toString('hex')
}

function derive(key: KeyObject, salt: Uint8Array): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', key, salt, 'callboard rows', 32)))
}
