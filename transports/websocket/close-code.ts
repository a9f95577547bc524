// With which code a WebSocket is closed.

import { type BrokerError, errorTable, type ErrorCode } from '../../broker/ground/errors.ts'

/** Broken rules of the transport itself have numbers of their own in RFC 6455 7.4.1. */
const standard: { readonly [code in ErrorCode]?: number } = { 'websocket.protocol': 1002, 'websocket.invalid_data': 1007, 'websocket.too_large': 1009 }

const NORMAL = 1000
const OURS = 4000

/** 1000 where there is no reason, RFC 6455's own number where there is one, otherwise 4000 and the number in the table of errors. */
export function closeCode(reason: BrokerError | undefined): number {
  return reason === undefined ? NORMAL : (standard[reason.code] ?? OURS + errorTable[reason.code].close)
}
