// What a single message must pass beside permission: signature, sender, and the broker's stamp.

import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Connection } from './connection.ts'
import { BrokerError } from './ground/errors.ts'
import { Flag, Kind } from './ground/kind.ts'
import { decodeFrame, type Headers } from './wire/frame.ts'
import { writeUint32, writeUint53 } from './wire/integers.ts'
import { Offset } from './wire/layout.ts'
import { signedParts } from './wire/signature.ts'

/** Writes origin and time where the fixed layout has them. */
export function stamp(bytes: Uint8Array, start: number, origin: number, timeMicros: number): void {
  writeUint32(bytes, start + Offset.origin, origin)
  writeUint53(bytes, start + Offset.time, timeMicros)
}

/**
 * Headers that say who sent the message must be true.
 * @throws BrokerError `envelope.sender_mismatch`
 */
export function checkSender(connection: Connection, headers: Headers | undefined): void {
  const sender = headers?.['sender']
  if (sender === undefined || sender === connection.client || sender === connection.program || sender === connection.agent) return
  throw new BrokerError('envelope.sender_mismatch', { actual: typeof sender === 'string' ? sender.slice(0, 128) : `(${typeof sender})`, expected: connection.client })
}

/**
 * The limit is on payloads; a frame may have 16 KiB for the rest.
 * @throws BrokerError `frame.too_large`; the connection stays, since the frame could be read
 */
export function checkPayloadSize(bytes: Uint8Array, start: number, end: number, limitBytes: number): void {
  const actualBytes = decodeFrame(bytes, start, end).payload.length
  if (actualBytes > limitBytes) throw new BrokerError('frame.too_large', { actualBytes, limitBytes })
}

/**
 * Checks the HMAC in the header `sig` with the connection's key, in constant time.
 * @throws BrokerError `auth.signature_missing`, `auth.signature_invalid`
 */
export function checkSignature(connection: Connection, bytes: Uint8Array, start: number, end: number, flags: number): void {
  if ((flags & Flag.signed) === 0) throw new BrokerError('auth.signature_missing')
  const parts = signedParts(bytes.subarray(start, end), bytes[start + Offset.kind] === Kind.publish)
  if (parts === undefined) throw new BrokerError('auth.signature_missing')
  const mac = createHmac('sha256', connection.key!)
  for (const part of parts.covered) mac.update(part)
  if (!timingSafeEqual(mac.digest(), parts.signature)) throw new BrokerError('auth.signature_invalid')
}
