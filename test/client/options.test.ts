import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { brokerAddress, clientOptions, socketPath, type ConnectOptions } from '../../client/options.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const environment = { CALLBOARD_SOCKET: '/run/cb.sock', CALLBOARD_HOME: '/var/cb', CALLBOARD_TOKEN: 'ambient', CALLBOARD_AGENT: 'weather' }

test('options: an agent needs none', t => {
  t.is(socketPath({}, environment), '/run/cb.sock')
  const { identity, credential } = clientOptions({}, environment)
  t.like(identity, { agent: 'weather', principal: 'agent:weather', program: 'weather' })
  t.deepEqual(credential(), { token: 'ambient', auth: 'challenge' })
})

test('options: the environment may give attempts to connect more time, and what is given wins', t => {
  const limit = (value: string, options: ConnectOptions = {}): number => clientOptions(options, { ...environment, CALLBOARD_CONNECT_TIMEOUT_MS: value }).connectTimeoutMs
  t.is(limit(''), 5000)
  t.is(limit('30000'), 30_000)
  t.is(limit('30000', { connectTimeoutMs: 7 }), 7)
  for (const wrong of ['30s', '0', '-1', '1e3']) t.throws(() => limit(wrong), { code: 'config.invalid', message: /CALLBOARD_CONNECT_TIMEOUT_MS.*30000/ })
})

test('options: a program that an agent starts need not take its place', t => {
  const { identity } = clientOptions({ agent: false, program: 'cli' }, environment)
  t.like(identity, { program: 'cli', principal: 'agent:weather' })
  t.false('agent' in identity)
})

test('options: what is given wins over the environment, all of it', t => {
  const home = temporaryDirectory(t)
  writeFileSync(join(home, 'token'), 'of-the-home\n')
  t.is(socketPath({ home }, environment), join(home, 'callboard.sock'))
  const { identity, credential } = clientOptions({ home, agent: 'other' }, environment)
  t.is(credential().token, 'of-the-home')
  t.is(identity.agent, 'other')
  t.false('principal' in identity)
  t.is(clientOptions({ token: 'given' }, environment).credential().token, 'given')
  t.is(clientOptions({ principal: 'me' }, environment).identity.principal, 'me')
})

test('options: without a token file none is sent, and one that appears is read at the next attempt', t => {
  const home = temporaryDirectory(t)
  const { credential } = clientOptions({}, { CALLBOARD_HOME: home })
  t.is(socketPath({}, { CALLBOARD_HOME: home }), join(home, 'callboard.sock'))
  t.is(credential().token, undefined)
  writeFileSync(join(home, 'token'), 'new')
  t.is(credential().token, 'new')
})

test('options: a URL that is given is the address, one of the environment gives way to every socket', t => {
  const url = 'ws://broker.example:18789'
  const remote = { CALLBOARD_URL: url, CALLBOARD_HOME: '/var/cb' }
  t.is(brokerAddress({}, remote), url)
  t.is(brokerAddress({ url: 'wss://other.example' }, { ...remote, CALLBOARD_SOCKET: '/run/cb.sock' }), 'wss://other.example')
  t.is(brokerAddress({ socket: '/run/mine.sock' }, remote), '/run/mine.sock')
  t.is(brokerAddress({ home: '/srv/cb' }, remote), '/srv/cb/callboard.sock')
  // Agents inherit the environment of their broker, which may itself name another one.
  t.is(brokerAddress({}, { ...remote, CALLBOARD_SOCKET: '/run/cb.sock' }), '/run/cb.sock')
  t.is(brokerAddress({}, { CALLBOARD_URL: '', CALLBOARD_HOME: '/var/cb' }), '/var/cb/callboard.sock')
})

test('options: a session outlives a network, not a socket of this host; and not a client that never comes back', t => {
  const asked = (options: ConnectOptions): number | undefined => clientOptions(options, { CALLBOARD_HOME: '/var/cb' }).wishes.sessionTtlMs
  t.is(asked({}), undefined)
  t.is(asked({ url: 'ws://127.0.0.1:18789' }), 60_000)
  t.is(asked({ sessionTtlMs: 5 }), 5)
  t.is(asked({ url: 'ws://127.0.0.1:18789', sessionTtlMs: 0 }), undefined)
  t.is(asked({ url: 'ws://127.0.0.1:18789', retry: false, sessionTtlMs: 5 }), undefined)
})
