import test from 'ava'
import { address, count, expression, timeoutMs } from '../../cli/arguments.ts'

test('arguments: counts are whole numbers from 1', t => {
  t.is(count('25'), 25)
  for (const text of ['0', '-1', '1.5', 'x', '', '1e3', '9999999999']) t.throws(() => count(text), { message: /whole number/ }, text)
})

test('arguments: times have a unit or are milliseconds', t => {
  t.is(timeoutMs('5s'), 5000)
  t.is(timeoutMs('250'), 250)
  t.is(timeoutMs('1.5m'), 90_000)
  for (const text of ['0', '-1s', '5 parsecs', '2h', '']) t.throws(() => timeoutMs(text), { message: /from 1ms to 1h/ }, text)
})

test('arguments: an address is a kind and an id', t => {
  t.is(address('client:cli-12'), '$CB.to.client.cli-12')
  t.is(address('agent:echo'), '$CB.to.agent.echo')
  t.is(address('session:00ff'), '$CB.to.session.00ff')
  for (const text of ['echo', 'node:x', 'client:', 'client:a.b', 'client:*', 'client:>', ' client:a']) t.throws(() => address(text), { message: /client:ID/ }, text)
})

test('arguments: an expression says what is wrong with it', t => {
  t.true(expression('a|b').test('xb'))
  t.throws(() => expression('('), { message: /Unterminated group/ })
})
