// Who did what, for the audit log. Interface only: the file is telemetry's.

/** What is written down. */
export const auditActions = [
  'connection.admitted',
  /** One refusal; with `count`, those of one address that came after too many of them. */
  'connection.refused',
  'connection.ended',
  'channel.created',
  'channel.deleted',
  'queue.replayed',
  'queue.purged',
  'queue.paused',
  'queue.resumed',
  'store.backed-up',
  'agent.restarted',
  'agent.scaled',
  'agent.drained',
  'agent.upgraded',
  'connection.killed',
  'registry.health',
  'tracing.changed',
  'broker.started',
  'broker.stopping',
  /** The broker goes on in another process. */
  'broker.upgrading',
  /** The log's own: the end of the file was not a whole entry, and what it was. */
  'log.continued',
  /** The log's own: so many entries could not be kept, for want of room. */
  'log.lost',
] as const
export type AuditAction = (typeof auditActions)[number]

type AuditValue = string | number | boolean | undefined

/** What else there is to say, in names of the caller's choice but those that every entry has. */
export type AuditFields = Readonly<Record<string, AuditValue>> & { readonly [K in 'seq' | 'time' | 'action' | 'who' | 'previous' | 'hash']?: never }

/** Takes entries in the order in which things happened. Never given a secret. Never throws. */
export interface Audit {
  /** `who` is the principal, or the address where nobody is known yet. */
  record(action: AuditAction, who: string, fields?: AuditFields): void
}

/** For brokers without an audit log. */
export const noAudit: Audit = { record() {} }
