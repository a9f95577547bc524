// Who is let in by the NATS port, with the public client library: every kind of credential, refusals, and the
// end of a credential's time.

import { credsAuthenticator, nkeyAuthenticator, type ConnectionOptions } from '@nats-io/transport-node'
import { createAccount, createUser } from '@nats-io/nkeys'
import test, { type ExecutionContext } from 'ava'
import { startBroker, type LocalBroker } from '../support/broker.ts'
import { connectNats, nextNatsStatus, subscribeNats, takeNats } from '../support/nats-client.ts'
import { userJwt } from '../support/nats-credentials.ts'
import { withMoreTime } from '../support/with-more-time.ts'

const text = new TextEncoder()
const TOKEN = 'a-token-of-more-than-sixteen'

async function refusal(t: ExecutionContext, broker: LocalBroker, options: ConnectionOptions): Promise<string> {
  return (await t.throwsAsync(connectNats(t, broker.nats, options))).message.toLowerCase()
}

/** A credentials file as the tools of NATS write it. */
function credsFile(jwt: string, seed: Uint8Array): Uint8Array {
  return text.encode(`-----BEGIN NATS USER JWT-----\n${jwt}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${new TextDecoder().decode(seed)}\n------END USER NKEY SEED------\n`)
}

test('nats credentials: user and password, token, nkey, and JWT with its seed', async t => {
  const [user, member, account] = [createUser(), createUser(), createAccount()]
  const principals = [{ name: 'ann', token: TOKEN }, { name: 'bob', nkey: user.getPublicKey() }, { name: 'firm', nkey: account.getPublicKey(), publish: { allow: ['firm.>'] } }]
  const broker = await startBroker(t, { config: { principals } })
  const jwt = userJwt({ issuer: account, user: member, nats: { pub: { allow: ['firm.a', 'other'] } } })
  const ways: [string, ConnectionOptions][] = [
    ['owner', { user: 'owner', pass: broker.token }],
    ['owner', { token: broker.token }],
    ['ann', { user: 'ann', pass: TOKEN }],
    ['ann', { token: TOKEN }],
    ['bob', { authenticator: nkeyAuthenticator(user.getSeed()) }],
    ['firm', { authenticator: credsAuthenticator(credsFile(jwt, member.getSeed())) }],
  ]
  for (const [principal, options] of ways) {
    const client = await connectNats(t, broker.nats, { ...options, name: 'way' })
    await client.flush()
    const { connections } = await (await broker.connect()).call('connections')
    t.is(connections.find(each => each.client === `way-${client.info!.client_id}`)?.principal, principal)
    await client.close()
  }
  const narrow = await connectNats(t, broker.nats, { authenticator: credsAuthenticator(credsFile(jwt, member.getSeed())) })
  const all = await subscribeNats(await connectNats(t, broker.nats, { token: broker.token }), '>')
  for (const subject of ['firm.a', 'firm.b', 'other']) narrow.publish(subject)
  await narrow.flush()
  narrow.publish('firm.a', 'the last')
  t.deepEqual((await takeNats(all, 2)).map(message => `${message.subject} ${message.string()}`), ['firm.a ', 'firm.a the last'])
})

test('nats credentials: what is wrong is an authorization violation to the client library', async t => {
  const [user, stranger, account] = [createUser(), createUser(), createAccount()]
  const broker = await startBroker(t, { config: { principals: [{ name: 'bob', nkey: user.getPublicKey() }, { name: 'firm', nkey: account.getPublicKey() }] } })
  const expired = userJwt({ issuer: account, user: stranger, claims: { exp: 1_700_000_000 } })
  const foreign = userJwt({ issuer: createAccount(), user: stranger })
  const wrong: ConnectionOptions[] = [
    {},
    { user: 'owner', pass: 'wrong' },
    { token: 'wrong' },
    { authenticator: nkeyAuthenticator(stranger.getSeed()) },
    { authenticator: credsAuthenticator(credsFile(expired, stranger.getSeed())) },
    { authenticator: credsAuthenticator(credsFile(foreign, stranger.getSeed())) },
    { authenticator: credsAuthenticator(credsFile(userJwt({ issuer: account, user: stranger }), user.getSeed())) },
  ]
  for (const options of wrong) t.regex(await refusal(t, broker, options), /authorization violation/)
  const { fields } = await broker.log.logged(/do not match/)
  t.is(fields['code'], 'auth.failed')
  const reasons = broker.log.records.map(({ fields }) => (fields['reason'] as string | undefined) ?? '').join('\n')
  for (const reason of [/expired/, /is the nkey of a principal/, /nonce is not signed/]) t.regex(reasons, reason)
})

test('nats credentials: a JWT that expires ends the connection, and the client library knows why', async t => {
  const [account, user] = [createAccount(), createUser()]
  const broker = await startBroker(t, { config: { principals: [{ name: 'firm', nkey: account.getPublicKey() }] } })
  const wasInTime = await withMoreTime(2000, async ms => {
    const expiry = Math.floor(Date.now() / 1000) + ms / 1000
    const authenticator = credsAuthenticator(credsFile(userJwt({ issuer: account, user, claims: { exp: expiry } }), user.getSeed()))
    const client = await connectNats(t, broker.nats, { authenticator }).catch((error: unknown) => {
      if (Date.now() / 1000 < expiry) throw error
    })
    if (client === undefined) return false
    t.regex(String(await client.closed()), /expired/i)
    t.true(Date.now() / 1000 >= expiry)
    return true
  })
  t.true(wasInTime)
})

test('nats credentials: where the configuration names a principal for it, a client need not present anything', async t => {
  const broker = await startBroker(t, { config: { nats: { noAuthUser: 'guest' }, principals: [{ name: 'guest', token: TOKEN, publish: { allow: ['open.>'] }, subscribe: { allow: ['_INBOX.>'] } }] } })
  const client = await connectNats(t, broker.nats)
  const told = nextNatsStatus(client, 'error')
  client.publish('shut')
  t.regex(((await told) as { error: Error }).error.message, /Permissions Violation for Publish to "shut"/i)
  t.false(client.isClosed())
})
