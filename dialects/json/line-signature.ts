// Signatures of JSON lines: the last member covers all of the line in front of it.

import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto'
import { BrokerError } from '../../broker/ground/errors.ts'

const SUFFIX = /,"sig":"([0-9a-f]{64})"\}\s*$/

/**
 * True when the line's last member is `"sig"` with the right HMAC-SHA256 of the bytes in front of `,"sig":"`.
 * @throws BrokerError `auth.signature_missing`, `auth.signature_invalid`
 */
export function signedText(line: string, key: KeyObject | undefined): true {
  const match = SUFFIX.exec(line)
  if (match === null || key === undefined) throw new BrokerError('auth.signature_missing')
  const expected = createHmac('sha256', key).update(line.slice(0, match.index)).digest()
  if (!timingSafeEqual(expected, Buffer.from(match[1]!, 'hex'))) throw new BrokerError('auth.signature_invalid')
  return true
}
