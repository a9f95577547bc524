import { createAccount, createCluster, createOperator, createServer, createUser, fromSeed } from '@nats-io/nkeys'
import test from 'ava'
import fc from 'fast-check'
import { hasSigned, readNkey } from '../../../broker/ground/nkey.ts'

const text = new TextEncoder()

test('nkey: what the nkeys library makes and signs is read and verified', t => {
  for (const [kind, create] of [['user', createUser], ['account', createAccount], ['operator', createOperator]] as const) {
    const pair = create()
    const nkey = readNkey(pair.getPublicKey())!
    t.is(nkey.kind, kind)
    t.is(nkey.text, pair.getPublicKey())
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(63), (data, at) => {
        const signature = pair.sign(data)
        t.true(hasSigned(nkey, data, signature))
        t.false(hasSigned(nkey, Uint8Array.of(...data, 0), signature))
        signature[at]! ^= 1
        t.false(hasSigned(nkey, data, signature))
      }),
      { numRuns: 20 },
    )
  }
})

test('nkey: signatures of another length are wrong, not errors', t => {
  const nkey = readNkey(createUser().getPublicKey())!
  for (const length of [0, 1, 63, 65, 1000]) t.false(hasSigned(nkey, text.encode('nonce'), new Uint8Array(length)))
})

test('nkey: keys of others than users, accounts and operators are none', t => {
  for (const create of [createCluster, createServer]) t.is(readNkey(create().getPublicKey()), undefined)
  const seed = new TextDecoder().decode(createUser().getSeed())
  t.is(readNkey(seed), undefined)
  t.not(readNkey(fromSeed(text.encode(seed)).getPublicKey()), undefined)
})

test('nkey: one wrong letter, and it is none', t => {
  const right = createUser().getPublicKey()
  fc.assert(
    fc.property(fc.nat(55), fc.constantFrom(...Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567018=ab ')), (at, letter) => {
      const wrong = right.slice(0, at) + letter + right.slice(at + 1)
      t.is(readNkey(wrong) === undefined, wrong !== right, wrong)
    }),
  )
  for (const other of ['', right.slice(1), `${right}A`, right.toLowerCase(), 'U'.repeat(56)]) t.is(readNkey(other), undefined, other)
})
