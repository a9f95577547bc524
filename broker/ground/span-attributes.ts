// Names that spans and metrics of broker and SDK share, by OpenTelemetry's conventions for messaging systems, version 1.45;
// what these have no name for stands under `callboard.`. Names only: OpenTelemetry itself is loaded elsewhere.

export const Attribute = {
  system: 'messaging.system',
  destination: 'messaging.destination.name',
  operation: 'messaging.operation.name',
  operationType: 'messaging.operation.type',
  messageId: 'messaging.message.id',
  clientId: 'messaging.client.id',
  group: 'messaging.consumer.group.name',
  subscription: 'messaging.destination.subscription.name',
  bodyBytes: 'messaging.message.body.size',
  errorType: 'error.type',
  kind: 'callboard.message.kind',
  receivers: 'callboard.receivers',
  connection: 'callboard.connection',
  receiver: 'callboard.receiver',
  fate: 'callboard.fate',
  attempt: 'callboard.queue.attempt',
} as const

export const SYSTEM = 'callboard'

const MAX_PLAIN_TOKENS = 6

/**
 * A subject as part of a span's name, of which there must not be many: addresses of clients and sessions lose their last
 * token, and what is longer than six tokens is cut.
 */
export function subjectInName(subject: string): string {
  if (subject.startsWith('$CB.to.') && !subject.startsWith('$CB.to.agent.')) return `${subject.split('.').slice(0, 3).join('.')}.*`
  if (subject.startsWith('_INBOX.')) return '_INBOX.*'
  const tokens = subject.split('.')
  return tokens.length <= MAX_PLAIN_TOKENS ? subject : `${tokens.slice(0, MAX_PLAIN_TOKENS).join('.')}.>`
}
