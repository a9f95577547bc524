import { createAccount, createOperator, createUser } from '@nats-io/nkeys'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { BrokerError } from '../../../broker/ground/errors.ts'
import { readUserJwt } from '../../../broker/security/user-jwt.ts'
import { userJwt, type JwtOptions } from '../../support/nats-credentials.ts'

const [issuer, user] = [createAccount(), createUser()]

function reason(t: ExecutionContext, jwt: string): string {
  const { code, details } = t.throws(() => readUserJwt(jwt), { instanceOf: BrokerError })
  t.is(code, 'auth.failed')
  return String(details['reason'])
}

test('user JWT: what an account signed for a user is read', t => {
  const pub = { allow: ['a.>', 'b'], deny: ['a.x'] }
  const claims = readUserJwt(userJwt({ issuer, user, claims: { exp: 2_000_000_000, nbf: 1_700_000_000 }, nats: { pub, allowed_connection_types: ['standard'] } }))
  t.is(claims.issuer.text, issuer.getPublicKey())
  t.is(claims.subject.text, user.getPublicKey())
  t.like(claims, { expires: 2_000_000_000, notBefore: 1_700_000_000, publish: pub, subscribe: { allow: [], deny: [] }, ways: ['STANDARD'] })
})

test('user JWT: any character that changes what is signed makes it void', t => {
  const jwt = userJwt({ issuer, user, nats: { pub: { allow: ['a'] } } })
  fc.assert(
    fc.property(fc.nat(jwt.length - 3), fc.constantFrom(...Array.from('ABCxyz019_-')), (at, letter) => {
      fc.pre(jwt[at] !== letter && jwt[at] !== '.')
      t.throws(() => readUserJwt(jwt.slice(0, at) + letter + jwt.slice(at + 1)), { instanceOf: BrokerError })
    }),
    { numRuns: 200 },
  )
  const [head, body, signature] = jwt.split('.') as [string, string, string]
  for (const wrong of ['', '.', '..', head, `${head}.${body}`, `${head}.${body}.`, `${jwt}.`, `${jwt}.x`, `${head}.${signature}.${body}`]) t.throws(() => readUserJwt(wrong), { instanceOf: BrokerError }, wrong)
})

test('user JWT: only accounts sign, and only for users', t => {
  const cases: [JwtOptions, RegExp][] = [
    [{ issuer: createOperator(), user }, /issuer is not .* an account/],
    [{ issuer: user, user }, /issuer is not .* an account/],
    [{ issuer, user: createAccount() }, /subject is not .* a user/],
    [{ issuer, user, claims: { iss: createAccount().getPublicKey() } }, /signature/],
    [{ issuer, user, nats: { type: 'account' } }, /not the JWT of a user/],
    [{ issuer, user, header: { alg: 'none' } }, /ed25519-nkey/],
    [{ issuer, user, header: { alg: 'ed25519' } }, /signature/],
    [{ issuer, user, header: { typ: 'text' } }, /ed25519-nkey/],
    [{ issuer, user, claims: { exp: 'tomorrow' } }, /exp/],
    [{ issuer, user, claims: { exp: -1 } }, /exp/],
    [{ issuer, user, nats: { pub: { allow: 'a' } } }, /allow/],
    [{ issuer, user, nats: { pub: { allow: ['a..b'] } } }, /empty token/],
    [{ issuer, user, nats: { sub: { allow: ['foo queue'] } } }, /white space/],
  ]
  for (const [options, expected] of cases) t.regex(reason(t, userJwt(options)), expected)
})

test('user JWT: a restriction that the broker does not keep to is no reason to let somebody in', t => {
  const restrictions: [object, string][] = [
    [{ src: ['10.0.0.0/8'] }, 'src'],
    [{ src: '10.0.0.0/8' }, 'src'],
    [{ times: [{ start: '08:00:00', end: '17:00:00' }] }, 'times'],
    [{ subs: 10 }, 'subs'],
    [{ data: 0 }, 'data'],
    [{ payload: 1024 }, 'payload'],
  ]
  for (const [nats, name] of restrictions) t.true(reason(t, userJwt({ issuer, user, nats })).includes(name), name)
  t.notThrows(() => readUserJwt(userJwt({ issuer, user, nats: { src: [], times: null, bearer_token: false } })))
})

test('user JWT: it says when its holder need not sign anything', t => {
  t.true(readUserJwt(userJwt({ issuer, user, nats: { bearer_token: true } })).isBearer)
  t.false(readUserJwt(userJwt({ issuer, user })).isBearer)
})
