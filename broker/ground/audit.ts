// Who did what, for the audit log. Interface only: the file is telemetry's.

/** What is written down. */
export type AuditAction =
  | 'connection.admitted'
  | 'connection.refused'
  | 'connection.ended'
  | 'channel.created'
  | 'channel.deleted'
  | 'queue.purged'
  | 'agent.restarted'
  | 'connection.killed'
  | 'tracing.changed'
  | 'config.changed'
  | 'broker.started'
  | 'broker.stopping'

/** Takes entries in the order in which things happened. Never given a secret. Never throws. */
export interface Audit {
  /** `who` is the principal, or the address where nobody is known yet. */
  record(action: AuditAction, who: string, fields?: Readonly<Record<string, string | number | boolean | undefined>>): void
}

/** For brokers without an audit log. */
export const noAudit: Audit = { record() {} }
