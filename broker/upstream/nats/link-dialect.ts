// What the broker itself has to say on the bus connection: that a request from beyond ended without an answer, and how. All else
// that clients are told means nothing there. In native frames, as everything that goes to the link.

import type { Dialect } from '../../ground/control.ts'
import { Kind } from '../../ground/kind.ts'
import { encodePayload } from '../../ground/payload.ts'
import { encodeFrame } from '../../wire/frame.ts'

const NOTHING = new Uint8Array(0)

/** `number`: of the bus connection. */
export function linkDialect(number: () => number): Dialect {
  return {
    name: 'nats-link',
    translate: undefined,
    limit() {},
    received() {},
    reset() {},
    encode({ kind, ref = 0, subject = '', body }) {
      if ((kind !== Kind.error && kind !== Kind.end) || ref === 0) return NOTHING
      const payload = encodePayload(body)
      return encodeFrame({ kind, flags: payload.type, to: number(), ref, subject, payload: payload.bytes })
    },
  }
}
