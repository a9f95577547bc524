import test from 'ava'
import fc from 'fast-check'
import { createAccount, createOperator, createUser } from '@nats-io/nkeys'
import { isPublicNkey } from '../../config/nkey.ts'

test('nkey: public keys of users and accounts are known, seeds and keys of others are not', t => {
  for (let i = 0; i < 20; i++) {
    const [user, account, operator] = [createUser(), createAccount(), createOperator()]
    t.true(isPublicNkey(user.getPublicKey()))
    t.true(isPublicNkey(account.getPublicKey()))
    t.false(isPublicNkey(operator.getPublicKey()))
    t.false(isPublicNkey(new TextDecoder().decode(user.getSeed())))
  }
  for (const text of ['', 'U', 'U'.repeat(56), 'u'.repeat(56), `${createUser().getPublicKey()}\n`, ` ${createUser().getPublicKey()}`]) t.false(isPublicNkey(text), text)
})

test('nkey: one wrong character, wherever it stands, is found', t => {
  const key = createUser().getPublicKey()
  fc.assert(
    fc.property(fc.nat(55), fc.constantFrom(...Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')), (at, character) => {
      fc.pre(key[at] !== character)
      return !isPublicNkey(`${key.slice(0, at)}${character}${key.slice(at + 1)}`)
    }),
  )
  t.pass()
})
