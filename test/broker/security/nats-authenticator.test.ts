import { createAccount, createUser } from '@nats-io/nkeys'
import test, { type ExecutionContext } from 'ava'
import { BrokerError } from '../../../broker/ground/errors.ts'
import type { NatsAuth, NatsWay } from '../../../broker/ground/nats-auth.ts'
import { readNkey } from '../../../broker/ground/nkey.ts'
import { Authenticator, type Credential, type Proofs } from '../../../broker/security/authenticator.ts'
import { NatsAuthenticator } from '../../../broker/security/nats-authenticator.ts'
import { Permissions } from '../../../broker/security/permissions.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { signed, userJwt } from '../../support/nats-credentials.ts'

const nothing: NatsAuth = { user: undefined, pass: undefined, token: undefined, nkey: undefined, jwt: undefined, sig: undefined }
const WAY: NatsWay = { nonce: 'the-nonce', isWebSocket: false }

class Desk {
  readonly clock = new FakeClock()
  readonly authenticator = new Authenticator(this.clock)
  readonly #nats: NatsAuthenticator
  #index = 0

  constructor(noAuthUser?: string) {
    this.#nats = new NatsAuthenticator(this.authenticator, this.clock, { noAuthUser, ignoresCredentials: false })
  }

  add(name: string, proofs: Proofs): Permissions {
    const rules = { allow: ['>'], deny: [] }
    const permissions = new Permissions({ name, roles: ['client'], publish: rules, subscribe: rules }, this.#index++)
    this.authenticator.add(permissions, proofs)
    return permissions
  }

  check(presented: Partial<NatsAuth>, way = WAY): Credential {
    return this.#nats.check({ ...nothing, ...presented }, way)
  }

  who(presented: Partial<NatsAuth>, way = WAY): string {
    return this.check(presented, way).permissions.name
  }

  refusal(t: ExecutionContext, presented: Partial<NatsAuth>, way = WAY): string {
    const { code, details } = t.throws(() => this.check(presented, way), { instanceOf: BrokerError })
    t.is(code, 'auth.failed')
    return String(details['reason'])
  }

  get wantsNonce(): boolean {
    return this.#nats.wantsNonce
  }

  /** Seconds since the epoch. */
  get now(): number {
    return Math.floor(this.clock.wallMicros() / 1_000_000)
  }
}

test('nats authenticator: a user by name and password, or by the token alone', t => {
  const desk = new Desk()
  desk.add('ann', { token: 'apple' })
  desk.add('bob', { token: 'banana' })
  t.is(desk.who({ user: 'ann', pass: 'apple' }), 'ann')
  t.is(desk.who({ token: 'banana' }), 'bob')
  t.is(desk.who({ user: 'somebody', token: 'banana' }), 'bob')
  for (const wrong of [{ user: 'ann', pass: 'banana' }, { user: 'ann' }, { user: 'eve', pass: 'apple' }, { user: 'ann', token: 'cherry' }, { pass: 'apple' }, { token: 'cherry' }, { token: 'appl' }, { user: 'apple' }]) desk.refusal(t, wrong)
  t.is(t.throws(() => desk.check({}), { instanceOf: BrokerError }).code, 'auth.required')
})

test('nats authenticator: a token that several have is nobody\'s alone, and one that was taken back neither', t => {
  const desk = new Desk()
  const ann = desk.add('ann', { token: 'shared' })
  const bob = desk.add('bob', { token: 'shared' })
  desk.refusal(t, { token: 'shared' })
  t.is(desk.who({ user: 'ann', pass: 'shared' }), 'ann')
  desk.authenticator.remove(bob)
  t.is(desk.who({ token: 'shared' }), 'ann')
  desk.add('ann', { token: 'fresh' })
  desk.refusal(t, { token: 'shared' })
  t.is(desk.who({ token: 'fresh' }), 'ann')
  // There is a newer one: this is not theirs to take.
  desk.authenticator.remove(ann)
  t.is(desk.who({ token: 'fresh' }), 'ann')
})

test('nats authenticator: who presents nothing is let in only where the configuration names a principal for it', t => {
  const desk = new Desk('guest')
  desk.add('guest', { token: 'g' })
  t.is(desk.who({}), 'guest')
  for (const wrong of [{ user: 'guest' }, { pass: 'x' }, { token: 'x' }]) desk.refusal(t, wrong)
})

test('nats authenticator: a user with an nkey signs the nonce, and nothing else will do', t => {
  const [user, other, account] = [createUser(), createUser(), createAccount()]
  const desk = new Desk()
  t.false(desk.wantsNonce)
  const ann = desk.add('ann', { nkey: readNkey(user.getPublicKey())! })
  desk.add('firm', { nkey: readNkey(account.getPublicKey())! })
  t.true(desk.wantsNonce)
  const nkey = user.getPublicKey()
  const sig = signed(user, WAY.nonce!)
  t.is(desk.who({ nkey, sig }), 'ann')
  t.is(desk.who({ nkey, sig: Buffer.from(sig, 'base64url').toString('base64') }), 'ann', 'in the other alphabet')
  desk.refusal(t, { nkey, sig: signed(user, 'another-nonce') })
  desk.refusal(t, { nkey, sig: signed(other, WAY.nonce!) })
  desk.refusal(t, { nkey: other.getPublicKey(), sig: signed(other, WAY.nonce!) })
  desk.refusal(t, { nkey: account.getPublicKey(), sig: signed(account, WAY.nonce!) })
  desk.refusal(t, { nkey })
  desk.refusal(t, { nkey, sig: '' })
  desk.refusal(t, { nkey, sig: signed(user, '') }, { ...WAY, nonce: undefined })
  // It has no token, so neither an empty one nor any other is its token.
  for (const pass of [undefined, '', 'x', nkey]) desk.refusal(t, { user: 'ann', pass })
  desk.authenticator.remove(ann)
  desk.refusal(t, { nkey, sig })
})

test('nats authenticator: the JWT of an account\'s user lets the account\'s principal in, no more than it says and until it expires', t => {
  const [account, user] = [createAccount(), createUser()]
  const desk = new Desk()
  desk.add('firm', { nkey: readNkey(account.getPublicKey())! })
  const sig = signed(user, WAY.nonce!)
  const exp = desk.now + 60
  const pub = { allow: ['a.>'], deny: [] }
  const credential = desk.check({ jwt: userJwt({ issuer: account, user, claims: { exp }, nats: { pub } }), sig })
  t.is(credential.permissions.name, 'firm')
  t.deepEqual(credential.narrowing, { publish: pub, subscribe: { allow: [], deny: [] } })
  t.is(credential.expiresAtMicros, exp * 1_000_000)
  const jwt = userJwt({ issuer: account, user })
  t.is(desk.check({ jwt, sig }).expiresAtMicros, 0)
  t.regex(desk.refusal(t, { jwt }), /nonce is not signed/)
  t.regex(desk.refusal(t, { jwt, sig: signed(account, WAY.nonce!) }), /nonce is not signed/)
  t.regex(desk.refusal(t, { jwt: userJwt({ issuer: account, user, claims: { exp: desk.now } }), sig }), /expired/)
  t.regex(desk.refusal(t, { jwt: userJwt({ issuer: account, user, claims: { nbf: desk.now + 10 } }), sig }), /not valid yet/)
})

test('nats authenticator: an account that did not sign the JWT vouches for nobody, whatever the JWT says', t => {
  const [account, stranger, user] = [createAccount(), createAccount(), createUser()]
  const desk = new Desk()
  desk.add('firm', { nkey: readNkey(account.getPublicKey())! })
  const sig = signed(user, WAY.nonce!)
  for (const nats of [{}, { issuer_account: account.getPublicKey() }]) t.regex(desk.refusal(t, { jwt: userJwt({ issuer: stranger, user, nats }), sig }), /is the nkey of a principal/)
})

test('nats authenticator: a user\'s own principal goes before that of the account', t => {
  const [account, user] = [createAccount(), createUser()]
  const desk = new Desk()
  desk.add('firm', { nkey: readNkey(account.getPublicKey())! })
  desk.add('ann', { nkey: readNkey(user.getPublicKey())! })
  const sig = signed(user, WAY.nonce!)
  t.is(desk.who({ jwt: userJwt({ issuer: account, user }), sig }), 'ann')
  t.is(desk.who({ jwt: userJwt({ issuer: createAccount(), user }), sig }), 'ann', 'the key is its own, whoever wrote the JWT')
})

test('nats authenticator: a JWT for some ways to connect is for those', t => {
  const [account, user] = [createAccount(), createUser()]
  const desk = new Desk()
  desk.add('firm', { nkey: readNkey(account.getPublicKey())! })
  const sig = signed(user, WAY.nonce!)
  const jwt = userJwt({ issuer: account, user, nats: { allowed_connection_types: ['WEBSOCKET', 'MQTT'] } })
  desk.refusal(t, { jwt, sig })
  t.is(desk.who({ jwt, sig }, { ...WAY, isWebSocket: true }), 'firm')
})

test('nats authenticator: without any nkey a JWT is passed over, as nats-server does', t => {
  const desk = new Desk()
  desk.add('ann', { token: 'apple' })
  t.is(desk.who({ jwt: 'nonsense', user: 'ann', pass: 'apple' }), 'ann')
})

test('nats authenticator: a bearer token lets in where the account takes such, and nowhere else', t => {
  const [account, user] = [createAccount(), createUser()]
  const jwt = userJwt({ issuer: account, user, nats: { bearer_token: true } })
  const desk = new Desk()
  desk.add('team', { nkey: readNkey(account.getPublicKey()) })
  t.regex(desk.refusal(t, { jwt }), /bearer/)
  t.regex(desk.refusal(t, { jwt, sig: signed(user, WAY.nonce!) }), /bearer/)
  desk.add('team', { nkey: readNkey(account.getPublicKey()), account: { acceptsBearer: true, expiresAtMs: 0 } })
  t.is(desk.who({ jwt }), 'team')
  t.regex(desk.refusal(t, { jwt: userJwt({ issuer: account, user }) }), /not signed/)
})

test('nats authenticator: nobody is let in by an account that has expired, and who is in ends with it', t => {
  const [account, user] = [createAccount(), createUser()]
  const desk = new Desk()
  const nkey = readNkey(account.getPublicKey())
  const presented = (exp?: number): Partial<NatsAuth> => ({ jwt: userJwt({ issuer: account, user, ...(exp !== undefined && { claims: { exp } }) }), sig: signed(user, WAY.nonce!) })
  desk.add('team', { nkey, account: { acceptsBearer: false, expiresAtMs: (desk.now + 10) * 1000 } })
  t.like(desk.check(presented()), { expiresAtMicros: (desk.now + 10) * 1_000_000, endsWithAccount: true })
  t.like(desk.check(presented(desk.now + 5)), { expiresAtMicros: (desk.now + 5) * 1_000_000, endsWithAccount: false })
  desk.add('team', { nkey, account: { acceptsBearer: false, expiresAtMs: desk.now * 1000 } })
  t.regex(desk.refusal(t, presented()), /account has expired/)
})
