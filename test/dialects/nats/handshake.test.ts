import { createAccount, createUser } from '@nats-io/nkeys'
import test from 'ava'
import { readNkey } from '../../../broker/ground/nkey.ts'
import { signed, userJwt } from '../../support/nats-credentials.ts'
import { OWNER_TOKEN, PipelineRig } from '../../support/pipeline.ts'
import type { NatsMemoryClient } from '../../support/memory-client.ts'

const VIOLATION = "-ERR 'Authorization Violation'\r\n"
const everything = { allow: ['>'], deny: [] }

function say(client: NatsMemoryClient, connect: object): string {
  client.raw(`CONNECT ${JSON.stringify({ verbose: false, ...connect })}\r\nPING\r\n`)
  return client.text()
}

/** A client that was greeted, and the nonce that it was greeted with. */
function greeted(rig: PipelineRig): { client: NatsMemoryClient; nonce: string | undefined } {
  const client = rig.natsLink()
  const text = client.info
  return { client, nonce: (JSON.parse(text.slice('INFO '.length)) as { nonce?: string }).nonce }
}

test('nats handshake: the owner by name and token, or by the token alone', t => {
  const rig = new PipelineRig()
  for (const connect of [{ user: 'owner', pass: OWNER_TOKEN }, { auth_token: OWNER_TOKEN }]) {
    const client = rig.natsLink()
    t.is(say(client, connect), 'PONG\r\n')
    t.is(client.connection.permissions!.name, 'owner')
  }
})

test('nats handshake: whatever is wrong with what is presented, the client hears the same, and the audit log hears whom it was about', t => {
  const rig = new PipelineRig()
  const user = createUser()
  rig.addPrincipal({ name: 'ann' }, { nkey: readNkey(user.getPublicKey())! })
  const wrong: object[] = [{}, { user: 'owner' }, { user: 'owner', pass: 'x' }, { user: 'nobody', pass: OWNER_TOKEN }, { auth_token: 'x' }, { pass: OWNER_TOKEN }, { nkey: user.getPublicKey(), sig: signed(user, 'old-nonce') }, { nkey: user.getPublicKey() }, { jwt: 'x.y.z', sig: 'x' }, { account: 'x', user: 'owner', pass: OWNER_TOKEN }]
  for (const connect of wrong) {
    const { client } = greeted(rig)
    t.is(say(client, connect), VIOLATION, JSON.stringify(connect))
    t.true(client.link.isClosed)
  }
  const refused = rig.audit.entries.filter(({ action }) => action === 'connection.refused')
  t.is(refused.length, wrong.length)
  t.is(refused.filter(({ principal }) => principal === 'ann').length, 2)
  t.false(JSON.stringify([rig.audit.entries, rig.log.records]).includes(OWNER_TOKEN))
})

test('nats handshake: a nonce is given where somebody could sign it, another one to each client', t => {
  const rig = new PipelineRig()
  t.is(greeted(rig).nonce, undefined)
  const user = createUser()
  rig.addPrincipal({ name: 'ann' }, { nkey: readNkey(user.getPublicKey())! })
  const [first, second] = [greeted(rig), greeted(rig)]
  t.not(first.nonce, second.nonce)
  const nkey = user.getPublicKey()
  t.is(say(second.client, { nkey, sig: signed(user, first.nonce!) }), VIOLATION)
  t.is(say(first.client, { nkey, sig: signed(user, first.nonce!) }), 'PONG\r\n')
  t.is(first.client.connection.permissions!.name, 'ann')
})

test('nats handshake: a JWT narrows what its principal may, for its own connection, and ends it when it expires', async t => {
  const rig = new PipelineRig()
  const [account, user] = [createAccount(), createUser()]
  rig.addPrincipal({ name: 'firm', publish: { allow: ['a.>', 'b.>'], deny: ['a.secret'] }, subscribe: everything }, { nkey: readNkey(account.getPublicKey())! })
  const { client, nonce } = greeted(rig)
  const exp = Math.floor(rig.clock.wallMicros() / 1_000_000) + 30
  const jwt = userJwt({ issuer: account, user, claims: { exp }, nats: { pub: { allow: ['a.>', 'c'] }, sub: { allow: ['news.*'], deny: ['news.x'] } } })
  t.is(say(client, { jwt, sig: signed(user, nonce!) }), 'PONG\r\n')
  client.raw(['PUB a.1 0\r\n\r\n', 'PUB a.secret 0\r\n\r\n', 'PUB b.1 0\r\n\r\n', 'PUB c 0\r\n\r\n', 'SUB news.y 1\r\n', 'SUB news.x 2\r\n', 'SUB news.> workers 3\r\n', 'SUB news.* 4\r\n'].join(''))
  const denied = (what: string): string => `-ERR 'Permissions Violation for ${what}'\r\n`
  t.is(client.text(), ['Publish to "a.secret"', 'Publish to "b.1"', 'Publish to "c"', 'Subscription to "news.x"', 'Subscription to "news.>" using queue "workers"'].map(denied).join(''))
  const owner = rig.nats()
  owner.raw('PUB news.x 0\r\n\r\nPUB news.z 0\r\n\r\n')
  t.is(client.text(), 'MSG news.z 4 0\r\n\r\n', 'what is denied is left out of what a wildcard gets')
  await rig.advance(29_000)
  t.is(client.text(), '')
  await rig.advance(1500)
  t.is(client.text(), "-ERR 'User Authentication Expired'\r\n")
  t.true(client.link.isClosed)
})

test('nats handshake: nothing but CONNECT comes first, unless nobody has to present anything', t => {
  const guest = { name: 'guest', publish: { allow: ['open'], deny: [] }, subscribe: everything }
  for (const line of ['PING\r\n', 'PUB open 1\r\nx\r\n', 'SUB open 1\r\n', '\r\n', '+OK\r\n', 'x']) {
    const strict = new PipelineRig().natsLink()
    strict.raw(line)
    t.is(strict.text(), VIOLATION, line)
  }
  const rig = new PipelineRig({ nats: { noAuthUser: 'guest' } })
  rig.addPrincipal(guest, 'guest-token')
  const client = rig.natsLink()
  client.raw('SUB open 1\r\nPUB open 1\r\nx\r\nPUB closed 1\r\nx\r\nPING\r\n')
  t.is(client.text(), '+OK\r\nMSG open 1 1\r\nx\r\n+OK\r\n-ERR \'Permissions Violation for Publish to "closed"\'\r\nPONG\r\n')
  t.is(client.connection.permissions!.name, 'guest')
  const direct = rig.natsLink()
  direct.raw('PUB open 1\r\ny\r\nPING\r\n')
  t.is(direct.text(), '+OK\r\nPONG\r\n')
  t.is(client.text(), 'MSG open 1 1\r\ny\r\n')
})

test('nats handshake: a second CONNECT changes how the client is served, and not who it is', t => {
  const rig = new PipelineRig()
  rig.addPrincipal({ name: 'ann' }, 'apple')
  const connect = (client: NatsMemoryClient, options: object): string => {
    client.raw(`CONNECT ${JSON.stringify(options)}\r\nSUB a 1\r\nPUB a 0\r\n\r\nUNSUB 1\r\nPING\r\n`)
    return client.text()
  }
  const [client, mine] = [rig.nats({ user: 'ann', pass: 'apple' }), rig.nats({ user: 'ann', pass: 'apple' })]
  t.is(connect(client, { verbose: true, echo: false }), '+OK\r\n+OK\r\n+OK\r\n+OK\r\nPONG\r\n')
  t.is(connect(mine, { user: 'ann', pass: 'apple' }), 'MSG a 1 0\r\n\r\nPONG\r\n')
  t.is(connect(client, { user: 'ann', pass: 'wrong' }), VIOLATION)
  t.is(connect(mine, { user: 'owner', pass: OWNER_TOKEN }), VIOLATION)
})

test('nats handshake: who says nothing, or not all of it, has the time that is configured', async t => {
  const rig = new PipelineRig({ nats: { authTimeoutMs: 500 } })
  const [mute, slow, quick] = [rig.natsLink(), rig.natsLink(), rig.nats()]
  slow.raw('CONNECT {"user":"owner"')
  await rig.advance(400)
  t.is(slow.text() + mute.text(), '')
  await rig.advance(150)
  for (const client of [mute, slow]) {
    t.is(client.text(), "-ERR 'Authentication Timeout'\r\n")
    t.true(client.link.isClosed)
  }
  t.true(quick.connection.isReady)
})

test('nats handshake: the names of clients need not be their own', t => {
  const rig = new PipelineRig()
  const [first, second, unnamed] = [rig.nats({ name: 'my app/1' }), rig.nats({ name: 'my app/1' }), rig.nats()]
  t.is(first.connection.client, `my-app-1-${first.connection.number}`)
  t.is(second.connection.client, `my-app-1-${second.connection.number}`)
  t.is(unnamed.connection.client, `nats-${unnamed.connection.number}`)
  t.true(first.connection.isReady && second.connection.isReady)
})

test('nats handshake: permissions of narrowed kinds are given back, so that a stream of users leaves nothing behind', t => {
  const rig = new PipelineRig()
  const account = createAccount()
  rig.addPrincipal({ name: 'firm' }, { nkey: readNkey(account.getPublicKey())! })
  const indexes = new Set<number>()
  for (let i = 0; i < 5; i++) {
    const user = createUser()
    const { client, nonce } = greeted(rig)
    t.is(say(client, { jwt: userJwt({ issuer: account, user, nats: { pub: { allow: [`only.${i}`] } } }), sig: signed(user, nonce!) }), 'PONG\r\n')
    client.raw(`PUB only.${i} 0\r\n\r\nPUB only.${i + 1} 0\r\n\r\n`)
    t.is(client.text(), `-ERR 'Permissions Violation for Publish to "only.${i + 1}"'\r\n`)
    indexes.add(client.connection.permissions!.index)
    client.link.hangUp()
    rig.turn()
  }
  t.is(indexes.size, 1)
})

test('nats handshake: a rule of a JWT for one reply subject says nothing of the one beside it', t => {
  const rig = new PipelineRig()
  const account = createAccount()
  rig.addPrincipal({ name: 'firm' }, { nkey: readNkey(account.getPublicKey())! })
  const owner = rig.nats()
  owner.raw('SUB _INBOX.a.* 1\r\nPUB _INBOX.a.1 0\r\n\r\nPUB _INBOX.a.2 0\r\n\r\n')
  owner.text()
  const rules: [object, boolean[]][] = [
    [{ pub: { allow: ['_INBOX.a.1'] } }, [true, false, false]],
    [{ pub: { deny: ['*.*.2'] } }, [true, false, true]],
    [{ pub: { allow: ['_INBOX.>'] } }, [true, true, true]],
  ]
  for (const [nats, isAllowed] of rules) {
    const user = createUser()
    const { client, nonce } = greeted(rig)
    t.is(say(client, { jwt: userJwt({ issuer: account, user, nats }), sig: signed(user, nonce!) }), 'PONG\r\n')
    // Twice: what was found the first time is remembered.
    for (let round = 0; round < 2; round++) {
      client.raw([1, 2, 3].map(each => `PUB _INBOX.a.${each} 0\r\n\r\n`).join(''))
      t.is(client.text(), isAllowed.map((allowed, i) => (allowed ? '' : `-ERR 'Permissions Violation for Publish to "_INBOX.a.${i + 1}"'\r\n`)).join(''))
      t.is(owner.text(), isAllowed.map((allowed, i) => (allowed ? `MSG _INBOX.a.${i + 1} 1 0\r\n\r\n` : '')).join(''))
    }
    client.link.hangUp()
    rig.turn()
  }
})
