// What connections that are gone had moved, so that the sums over the broker never fall; and the last of them by name.

import { closeReason } from './close-reasons.ts'
import { ClosedConnections } from './closed-connections.ts'
import type { ConnectionFigures } from './figures.ts'
import type { ErrorCode } from '../ground/errors.ts'

export interface Traffic {
  inMessages: number
  outMessages: number
  inBytes: number
  outBytes: number
}

export class Departed implements Traffic {
  inMessages = 0
  outMessages = 0
  inBytes = 0
  outBytes = 0
  /** Ended because they did not keep up. */
  slowConsumers = 0
  readonly closed = new ClosedConnections()

  /** A connection closed at `atMs` (monotonic), with the code of the error that ended it; undefined: its client did. */
  add(figures: ConnectionFigures, code: ErrorCode | undefined, atMs: number): void {
    addTraffic(this, figures)
    if (code === 'connection.slow_consumer') this.slowConsumers++
    // Who came and went without a word was nobody: a probe of the port, or the link of a session that goes on.
    if (figures.principal !== undefined || code !== undefined) this.closed.add(figures, { atMs, reason: closeReason(code) })
  }
}

export function addTraffic(sum: Traffic, { inMessages, outMessages, inBytes, outBytes }: Readonly<Traffic>): void {
  sum.inMessages += inMessages
  sum.outMessages += outMessages
  sum.inBytes += inBytes
  sum.outBytes += outBytes
}
