// The NATS protocol for a connection whose operations are told as they come, for nats-server's `trace`. Others cost nothing
// by it: they are not of this class.

import type { Ingress } from '../../broker/ground/control.ts'
import { NatsDialect, type NatsHost, type NatsSource } from './nats-dialect.ts'
import type { NatsRun } from './nats-run.ts'

/** Longest line that is shown whole. */
const MAX_SHOWN = 1024
/** Members of CONNECT that let in whoever has them. */
const SECRETS = /("(?:pass|auth_token|jwt|sig)"\s*:\s*)"(?:[^"\\]|\\.)*"/gi

export class TracedNatsDialect<C extends NatsSource> extends NatsDialect<C> {
  readonly #trace: (operation: string) => void

  constructor(connection: C, ingress: Ingress<C>, host: NatsHost<C>, trace: (operation: string) => void) {
    super(connection, ingress, host)
    this.#trace = trace
  }

  override line(verb: string, rest: string): void {
    this.#trace(`${verb} ${verb === 'CONNECT' ? rest.replace(SECRETS, '$1"[REDACTED]"') : rest}`.trim().slice(0, MAX_SHOWN))
    super.line(verb, rest)
  }

  override published(run: NatsRun): void {
    const { subject, reply, headerBlock, count } = run
    const operation = `${headerBlock === undefined ? 'PUB' : 'HPUB'} ${subject}${reply === undefined ? '' : ` ${reply}`}`
    for (let i = 0; i < count; i++) this.#trace(operation)
    super.published(run)
  }
}
