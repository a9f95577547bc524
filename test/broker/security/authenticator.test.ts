import test, { type ExecutionContext } from 'ava'
import { createHmac } from 'node:crypto'
import { BrokerError } from '../../../broker/ground/errors.ts'
import { Authenticator } from '../../../broker/security/authenticator.ts'
import { Permissions } from '../../../broker/security/permissions.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const rules = { allow: ['>'], deny: [] }

function permissionsOf(name: string): Permissions {
  return new Permissions({ name, roles: ['client'], publish: rules, subscribe: rules }, 0)
}

function setUp(): { authenticator: Authenticator; clock: FakeClock; permissions: Permissions } {
  const clock = new FakeClock()
  const authenticator = new Authenticator(clock)
  const permissions = permissionsOf('me')
  authenticator.add(permissions, { token: 'secret' })
  return { authenticator, clock, permissions }
}

function proof(nonce: string, principal = 'me', key = 'secret'): string {
  return createHmac('sha256', key).update(`callboard-proof-v1\n${nonce}\nmine\n${principal}`).digest('hex')
}

function refusal(t: ExecutionContext, call: () => unknown): BrokerError {
  return t.throws(call, { instanceOf: BrokerError })
}

test('authenticator: the token of a principal, and only that', t => {
  const { authenticator, permissions } = setUp()
  t.is(authenticator.checkToken('me', 'secret').permissions, permissions)
  for (const token of ['', 'Secret', 'secre', 'secret ', 'x'.repeat(1000)]) t.is(refusal(t, () => authenticator.checkToken('me', token)).code, 'auth.failed')
  t.is(refusal(t, () => authenticator.checkToken('you', 'secret')).code, 'auth.failed')
})

test('authenticator: a challenge serves once, in its time', async t => {
  const { authenticator, clock } = setUp()
  const { nonce, ttlMs } = authenticator.challenge('me', 'mine')
  authenticator.checkProof(nonce, proof(nonce))
  t.is(refusal(t, () => authenticator.checkProof(nonce, proof(nonce))).code, 'auth.replayed')
  const [inTime, late] = [authenticator.challenge('me', 'mine'), authenticator.challenge('me', 'mine')]
  await clock.advance(ttlMs)
  t.notThrows(() => authenticator.checkProof(inTime.nonce, proof(inTime.nonce)))
  await clock.advance(1)
  t.is(refusal(t, () => authenticator.checkProof(late.nonce, proof(late.nonce))).code, 'auth.expired')
})

test('authenticator: a wrong proof spends the challenge', t => {
  const { authenticator } = setUp()
  const { nonce } = authenticator.challenge('me', 'mine')
  for (const [mac, code] of [['', 'auth.failed'], [proof(nonce), 'auth.replayed']] as const) t.is(refusal(t, () => authenticator.checkProof(nonce, mac)).code, code)
  for (const mac of ['zz', 'ff'.repeat(31), 'ff'.repeat(33), proof('another')]) {
    const fresh = authenticator.challenge('me', 'mine')
    t.is(refusal(t, () => authenticator.checkProof(fresh.nonce, mac)).code, 'auth.failed', mac)
  }
})

test('authenticator: an unknown principal gets a challenge too, and fails as a wrong proof does', t => {
  const { authenticator } = setUp()
  const { nonce } = authenticator.challenge('you', 'mine')
  t.is(refusal(t, () => authenticator.checkProof(nonce, proof(nonce, 'you'))).code, 'auth.failed')
  t.is(refusal(t, () => authenticator.checkProof('never issued', 'ff')).code, 'auth.failed')
})

test('authenticator: nonces differ, and the broker\'s own proof is about them', t => {
  const { authenticator } = setUp()
  const nonces = Array.from({ length: 100 }, () => authenticator.challenge('me', 'mine').nonce)
  t.is(new Set(nonces).size, 100)
  const { mac } = authenticator.checkProof(nonces[0]!, proof(nonces[0]!))
  t.is(mac, createHmac('sha256', 'secret').update(`callboard-welcome-v1\n${nonces[0]}\nmine\nme`).digest('hex'))
})

test('authenticator: what expired is forgotten, what did not stays', async t => {
  const { authenticator, clock } = setUp()
  const used = authenticator.challenge('me', 'mine')
  authenticator.checkProof(used.nonce, proof(used.nonce))
  await clock.advance(15_000)
  const fresh = authenticator.challenge('me', 'mine')
  authenticator.forgetExpired()
  t.is(refusal(t, () => authenticator.checkProof(used.nonce, proof(used.nonce))).code, 'auth.replayed')
  await clock.advance(6000)
  authenticator.forgetExpired()
  t.is(refusal(t, () => authenticator.checkProof(used.nonce, proof(used.nonce))).code, 'auth.failed')
  t.notThrows(() => authenticator.checkProof(fresh.nonce, proof(fresh.nonce)))
})

test('authenticator: a credential can be replaced and taken back, but not by its predecessor', t => {
  const { authenticator, permissions } = setUp()
  const newer = permissionsOf('me')
  authenticator.add(newer, { token: 'new' })
  t.is(refusal(t, () => authenticator.checkToken('me', 'secret')).code, 'auth.failed')
  authenticator.remove(permissions)
  t.is(authenticator.checkToken('me', 'new').permissions, newer)
  authenticator.remove(newer)
  t.is(refusal(t, () => authenticator.checkToken('me', 'new')).code, 'auth.failed')
  t.is(refusal(t, () => authenticator.unproven('me')).code, 'auth.failed')
})
