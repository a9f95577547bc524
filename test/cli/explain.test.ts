import test from 'ava'
import { BrokerError, errorTable, type ErrorCode } from '../../broker/ground/errors.ts'
import { explain } from '../../cli/explain.ts'
import { Failure } from '../../cli/failure.ts'

test('explain: what happened and what to do are told apart, with the code', t => {
  const failure = explain(new BrokerError('connect.no_socket', { path: '/h/callboard.sock' }))
  t.is(failure.message, 'no socket at /h/callboard.sock (connect.no_socket)')
  t.is(failure.hint, 'start the broker with: callboard start')
  t.is(failure.exitCode, 1)
})

test('explain: the seed\'s remedies are given', t => {
  const remedies: [ErrorCode, RegExp][] = [
    ['connect.no_socket', /callboard start/],
    ['connect.forbidden', /mode \(0600\) and owner/],
    ['connect.timeout', /busy.*CALLBOARD_CONNECT_TIMEOUT_MS/],
    ['request.timeout', /--timeout/],
    ['frame.too_large', /maxMessageSize/],
    ['channel.not_found', /callboard ipc channel create --name custom/],
    ['permission.denied', /principals/],
    ['auth.failed', /token.*home/],
  ]
  for (const [code, remedy] of remedies) t.regex(explain(new BrokerError(code, { path: '/s', channel: 'custom' })).hint ?? '', remedy, code)
})

test('explain: exit codes tell usage and a held home from failures', t => {
  const codeOf = (code: ErrorCode): number => explain(new BrokerError(code)).exitCode
  t.is(codeOf('broker.held'), 3)
  t.is(codeOf('config.invalid'), 2)
  t.is(codeOf('home.unusable'), 2)
  t.is(codeOf('pattern.invalid'), 2)
  t.is(codeOf('client.aborted'), 130)
  t.is(codeOf('request.timeout'), 1)
})

test('explain: every error of the table has words', t => {
  for (const code of Object.keys(errorTable) as ErrorCode[]) {
    const failure = explain(new BrokerError(code, { message: 'it rains', problem: 'it rains' }))
    t.is(failure.code, code)
    t.true(failure.message.endsWith(` (${code})`) && failure.message.length > code.length + 5, failure.message)
  }
})

test('explain: a text from elsewhere, and anything thrown, is kept', t => {
  t.is(explain(BrokerError.fromBody({ code: 'app.odd', message: 'the sensor is wet', retryable: false })).message, 'the sensor is wet (request.failed)')
  t.is(explain(new TypeError('boom')).message, 'internal error: boom (internal.error)')
  const own = Failure.usage('x')
  t.is(explain(own), own)
})
