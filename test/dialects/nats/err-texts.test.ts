import test from 'ava'
import fc from 'fast-check'
import { BrokerError, errorTable, type ErrorCode } from '../../../broker/ground/errors.ts'
import { errLine, errText, PARSER_ERROR } from '../../../dialects/nats/err-texts.ts'
import { anyText } from '../../support/any-text.ts'

function textOf(code: ErrorCode, details: Record<string, string | number | undefined> = {}): string | undefined {
  return errText(new BrokerError(code, details).toBody())
}

test('err texts: refusals of credentials all read the same', t => {
  for (const code of ['auth.required', 'auth.failed', 'auth.expired', 'auth.replayed', 'auth.peer_uid', 'auth.process_not_allowed', 'handshake.expected'] as const) t.is(textOf(code, { principal: 'ann', reason: 'why' }), 'Authorization Violation')
})

test('err texts: permissions are told with the subject, and the queue group', t => {
  t.is(textOf('permission.denied', { action: 'publish to', subject: 'a.b' }), 'Permissions Violation for Publish to "a.b"')
  t.is(textOf('permission.denied', { action: 'subscribe to', subject: 'a.>' }), 'Permissions Violation for Subscription to "a.>"')
  t.is(textOf('permission.denied', { action: 'subscribe to', subject: 'a', group: 'q' }), 'Permissions Violation for Subscription to "a" using queue "q"')
  t.is(textOf('channel.direction', { channel: 'events', subject: 'events.x' }), 'Permissions Violation for Publish to "events.x"')
})

test('err texts: those by which client libraries decide what to do', t => {
  const texts: [ErrorCode, string | undefined][] = [
    ['handshake.timeout', 'Authentication Timeout'],
    ['auth.credential_expired', 'User Authentication Expired'],
    ['nats.malformed', 'Unknown Protocol Operation'],
    ['nats.max_payload', 'Maximum Payload Violation'],
    ['nats.max_control_line', 'maximum control line exceeded'],
    ['connection.stale', 'Stale Connection'],
    ['connection.slow_consumer', 'Slow Consumer'],
    ['connection.limit', 'maximum connections exceeded'],
    ['subscription.limit', 'maximum subscriptions exceeded'],
    ['subject.invalid', 'Invalid Publish Subject'],
    ['pattern.invalid', 'Invalid Subject'],
    ['handshake.version', 'invalid client protocol'],
    ['nats.no_headers', 'no responders requires headers support'],
    ['tls.required', 'Secure Connection - TLS Required'],
    ['connection.draining', undefined],
  ]
  for (const [code, text] of texts) t.is(textOf(code), text, code)
  t.is(textOf('nats.malformed', { said: PARSER_ERROR }), 'Parser Error')
  t.is(errLine(new BrokerError('connection.draining').toBody()), undefined)
})

test('err texts: whatever a client sent, and whatever the error, it is one line with one pair of quotes', t => {
  const codes = Object.keys(errorTable) as ErrorCode[]
  fc.assert(
    fc.property(fc.constantFrom(...codes), anyText(), fc.constantFrom('publish to', 'subscribe to'), (code, text, action) => {
      const details = { action, subject: text, group: text, problem: text, said: text, client: text, principal: text }
      const line = errLine(new BrokerError(code, details).toBody())
      if (line === undefined) return
      t.regex(line, /^-ERR '[^'\r\n]*'\r\n$/)
      t.true(line.length < 800)
    }),
  )
})
