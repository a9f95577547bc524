// What the audit log is told of connections: who came in, who was turned away, who left and why; and how much of it the log may be. Knows no file.

import type { Connection } from './connection.ts'
import type { Audit, AuditFields } from './ground/audit.ts'
import type { Deadlines } from './ground/deadlines.ts'
import type { BrokerError } from './ground/errors.ts'
import type { Log } from './ground/types.ts'
import { Refusals } from './observe/refusals.ts'

interface AuditTrailOptions {
  readonly audit: Audit
  readonly log: Log
  readonly deadlines: Deadlines
  /** True for principals that exist: what anybody else calls himself may be anything, a token in the wrong place too. */
  readonly isKnown: (principal: string) => boolean
  readonly monotonicMs: () => number
}

export class AuditTrail {
  readonly #options: AuditTrailOptions
  readonly #refusals: Refusals
  readonly #admitted = new WeakSet<Connection>()

  constructor(options: AuditTrailOptions) {
    this.#options = options
    this.#refusals = new Refusals(options.audit, options.log, options.deadlines)
  }

  /** Called once, with the welcome. */
  admitted(connection: Connection, fields: AuditFields = {}): void {
    this.#admitted.add(connection)
    const { client, program, agent, dialect, link } = connection
    const { address, pid, uid } = link.peer
    this.#options.audit.record('connection.admitted', connection.permissions!.name, { connection: connection.id, client, program, agent, dialect: dialect?.name, address, pid, uid, ...fields })
  }

  /** It is told to go; written down when it was not let in yet. False: one of a storm that is only counted, in the log too. */
  ending(connection: Connection, error: BrokerError): boolean {
    if (this.#admitted.has(connection)) return true
    const { address, pid, uid } = connection.link.peer
    const claimed = error.details['principal']
    return this.#refusals.record(address, error.code, { connection: connection.id, principal: typeof claimed === 'string' && this.#options.isKnown(claimed) ? claimed : undefined, pid, uid })
  }

  /** Somebody at `address` was turned away with an error of the table. False: one of a storm that is only counted, in the log too. */
  refused(address: string, code: string): boolean {
    return this.#refusals.record(address, code)
  }

  /** It is gone; nothing is written of one that was never let in. */
  gone(connection: Connection): void {
    if (!this.#admitted.delete(connection)) return
    const { client, closeReason, receivedMessages, outbound, openedAtMs } = connection
    this.#options.audit.record('connection.ended', connection.permissions!.name, {
      connection: connection.id,
      client,
      // Without a reason its client ended it, or its socket did.
      reason: closeReason?.code ?? 'connection.closed',
      ageMs: Math.round(this.#options.monotonicMs() - openedAtMs),
      received: receivedMessages,
      written: outbound.writtenMessages,
    })
  }

  /** Writes down what was only counted until now. */
  close(): void {
    this.#refusals.close()
  }
}
