import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { BrokerError } from '../../../broker/ground/errors.ts'
import type { NatsAuth } from '../../../broker/ground/nats-auth.ts'
import { Kind } from '../../../broker/wire/layout.ts'
import { readHello, readProof, readSubscribe } from '../../../broker/protocol/bodies.ts'
import { handshakeStep, type HandshakeAuthority, type PendingHello } from '../../../broker/protocol/handshake.ts'

const authority: HandshakeAuthority<string> = {
  requireAuth: true,
  unproven: principal => `${principal}, unproven`,
  checkToken: (principal, token) => `${principal} by ${token}`,
  challenge: (_, clientNonce) => ({ nonce: `for ${clientNonce}`, ttlMs: 1 }),
  checkProof: (nonce, mac) => ({ credential: `${nonce} by ${mac}`, mac: 'the broker\'s' }),
  checkGreeting: ({ nonce }, principal, challenge, mac) => `${principal} by ${mac} over ${nonce} and ${challenge}`,
  answer: (credential, { nonce }, challenge) => `${credential} answers ${nonce} and ${challenge}`,
}

function step(kind: number, body: unknown, pending?: PendingHello, by = authority): ReturnType<typeof handshakeStep<string>> {
  return handshakeStep(pending, { kind, id: 1, ref: 0, body }, by)
}

function codeOf(t: ExecutionContext, call: () => unknown): string {
  return t.throws(call, { instanceOf: BrokerError }).code
}

test('handshake: a token is welcomed at once', t => {
  t.like(step(Kind.hello, { auth: { token: 'x' } }), { kind: 'welcome', credential: 'owner by x', mac: undefined })
  t.like(step(Kind.hello, { token: 'x', principal: 'me' }), { kind: 'welcome', credential: 'me by x' })
})

test('handshake: a nonce is challenged, and the proof is answered with one', t => {
  const challenge = step(Kind.hello, { auth: { nonce: 'n' } })
  if (challenge.kind !== 'challenge') return t.fail()
  t.deepEqual(challenge.body, { nonce: 'for n', ttlMs: 1 })
  t.like(step(Kind.proof, { mac: 'ff' }, challenge.pending), { kind: 'welcome', credential: 'for n by ff', mac: 'the broker\'s' })
  t.is(codeOf(t, () => step(Kind.proof, { mac: 'ff', nonce: 'another' }, challenge.pending)), 'auth.failed')
  t.is(codeOf(t, () => step(Kind.hello, {}, challenge.pending)), 'handshake.expected')
})

test('handshake: without authentication a nonce is still challenged, and nothing is enough', t => {
  const open = { ...authority, requireAuth: false }
  t.is(step(Kind.hello, { auth: { nonce: 'n' } }, undefined, open).kind, 'challenge')
  t.like(step(Kind.hello, {}, undefined, open), { kind: 'welcome', credential: 'owner, unproven' })
  t.is(codeOf(t, () => step(Kind.hello, {})), 'auth.required')
})

test('handshake: anything but hello comes too early', t => {
  for (const kind of [Kind.proof, Kind.subscribe, Kind.ping, Kind.goodbye, 99]) t.is(codeOf(t, () => step(kind, {})), 'handshake.expected')
})

test('handshake: versions must overlap', t => {
  for (const protocol of [{ min: 1, max: 1 }, { min: 0, max: 9 }, {}, undefined]) t.notThrows(() => readHello({ protocol }))
  for (const protocol of [{ min: 2, max: 3 }, { min: 0, max: 0 }]) t.is(codeOf(t, () => readHello({ protocol })), 'handshake.version')
})

test('bodies: a field of the wrong type is named, never a crash', t => {
  fc.assert(
    fc.property(fc.constantFrom('protocol', 'client', 'program', 'agent', 'principal', 'auth', 'echo', 'heartbeatMs', 'token', 'pattern', 'group', 'filter', 'mac', 'nonce'), fc.anything(), (key, value) => {
      for (const read of [readHello, readProof, readSubscribe]) {
        try {
          read({ [key]: value })
        } catch (error) {
          t.true(error instanceof BrokerError && ['frame.malformed', 'handshake.version'].includes(error.code), String(error))
        }
      }
    }),
  )
})

test('bodies: a body that is no map is refused', t => {
  for (const body of [undefined, null, 1, 'x', [], new Uint8Array(3), true]) for (const read of [readHello, readProof, readSubscribe]) t.is(codeOf(t, () => read(body)), 'frame.malformed')
})

test('bodies: client ids and agent names are of letters, digits, _ and -', t => {
  for (const client of ['a', 'A-1_b', 'x'.repeat(128)]) t.is(readHello({ client }).client, client)
  for (const client of ['', 'a.b', 'a b', 'ä', 'x'.repeat(129), '*', '>', 'a\n']) {
    t.is(codeOf(t, () => readHello({ client })), 'frame.malformed', client)
    t.is(codeOf(t, () => readHello({ agent: client })), 'frame.malformed', client)
  }
})

test('bodies: errors never repeat a text that may be a secret', t => {
  const { message } = t.throws(() => readHello({ token: 's3cret'.repeat(300) }))
  t.false(message.includes('s3cret'))
})

test('handshake: what NATS clients present is checked on links where NATS is spoken, and refused on others', t => {
  const nats = { user: 'me', pass: 'x' }
  t.is(codeOf(t, () => step(Kind.hello, { auth: { nats } })), 'frame.unsupported')
  const by = { ...authority, checkNats: ({ user, pass }: NatsAuth) => `${user} by ${pass}, as NATS has it` }
  t.like(step(Kind.hello, { auth: { nats } }, undefined, by), { kind: 'welcome', credential: 'me by x, as NATS has it' })
  t.is(codeOf(t, () => step(Kind.hello, { auth: { nats: { user: 5 } } }, undefined, by)), 'frame.malformed')
})
