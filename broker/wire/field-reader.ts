// Reads the values of a frame one after the other, in any valid MessagePack encoding. Does not know what they mean.

import { BrokerError } from '../ground/errors.ts'
import { headersLength } from './headers.ts'
import { Marker } from './layout.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Every method reads the next value, and throws BrokerError `frame.malformed` with the field's name when it is another one. */
export class FieldReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at = 0

  /** `bytes` is the frame without its length prefix. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** How many values follow as an array. */
  array(): number {
    const marker = this.#uint(1)
    if ((marker & 0xf0) === 0x90) return marker & 0x0f
    if (marker === 0xdc) return this.#uint(2)
    if (marker === 0xdd) return this.#uint(4)
    throw malformed('it is not an array')
  }

  /** An integer of 0..`max`, signed or not. Also a float that holds one: some encoders write every large number so. */
  integer(name: string, max: number): number {
    const value = this.#number()
    if (value !== undefined && Number.isInteger(value) && value >= 0 && value <= max) return value
    throw malformed(`${name} must be an integer of 0..${max}`)
  }

  /** The bytes of a string that is valid UTF-8 of at most `maxBytes`. */
  text(name: string, maxBytes: number): Uint8Array {
    const marker = this.#uint(1)
    const isShort = (marker & 0xe0) === 0xa0
    if (!isShort && !(marker >= 0xd9 && marker <= 0xdb)) throw malformed(`the ${name} is not a string`)
    const bytes = this.#take(isShort ? marker & 0x1f : this.#uint(1 << (marker - 0xd9)))
    if (bytes.length > maxBytes) throw malformed(`the ${name} has ${bytes.length} bytes, at most ${maxBytes} are allowed`)
    try {
      utf8.decode(bytes)
    } catch (error) {
      throw new BrokerError('frame.malformed', { problem: `the ${name} is not valid UTF-8` }, { cause: error })
    }
    return bytes
  }

  /** The bytes of a map as they stand, undefined for nil. */
  headers(): Uint8Array | undefined {
    if (this.#bytes[this.#at] === Marker.nil) {
      this.#at++
      return undefined
    }
    return this.#take(headersLength(this.#bytes.subarray(this.#at)))
  }

  binary(name: string): Uint8Array {
    const marker = this.#uint(1)
    if (marker < 0xc4 || marker > 0xc6) throw malformed(`the ${name} is not binary`)
    return this.#take(this.#uint(1 << (marker - 0xc4)))
  }

  end(): void {
    const extra = this.#bytes.length - this.#at
    if (extra > 0) throw malformed(`${extra} bytes stand behind its last field`)
  }

  // Integers above 2^53 come out rounded, never below 2^53, so that a check against a smaller maximum holds.
  #number(): number | undefined {
    const marker = this.#uint(1)
    if (marker < 0x80) return marker
    const at = this.#at
    switch (marker) {
      case 0xca: return this.#take(4) && this.#view.getFloat32(at)
      case 0xcb: return this.#take(8) && this.#view.getFloat64(at)
      case 0xcc: return this.#uint(1)
      case 0xcd: return this.#uint(2)
      case 0xce: return this.#uint(4)
      case 0xcf: return this.#uint(8)
      case 0xd0: return this.#take(1) && this.#view.getInt8(at)
      case 0xd1: return this.#take(2) && this.#view.getInt16(at)
      case 0xd2: return this.#take(4) && this.#view.getInt32(at)
      case 0xd3: return this.#take(8) && Number(this.#view.getBigInt64(at))
      default: return undefined
    }
  }

  #uint(size: number): number {
    let value = 0
    for (const byte of this.#take(size)) value = value * 256 + byte
    return value
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length
    if (end > this.#bytes.length) throw malformed('it ends in the middle of a field')
    const bytes = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return bytes
  }
}

function malformed(problem: string): BrokerError {
  return new BrokerError('frame.malformed', { problem })
}
