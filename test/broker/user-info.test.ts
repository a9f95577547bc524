import { createAccount, createUser } from '@nats-io/nkeys'
import test from 'ava'
import { readNkey } from '../../broker/ground/nkey.ts'
import type { NatsMemoryClient } from '../support/memory-client.ts'
import { signed, userJwt } from '../support/nats-credentials.ts'
import { natsMessages } from '../support/nats-text.ts'
import { PipelineRig } from '../support/pipeline.ts'

interface UserInfo {
  readonly server: Record<string, unknown>
  readonly data: { readonly user: string; readonly account: string; readonly permissions?: object; readonly expires?: number }
}

function ask(client: NatsMemoryClient): UserInfo {
  client.raw('SUB _INBOX.me 1\r\nPUB $SYS.REQ.USER.INFO _INBOX.me 0\r\n\r\n')
  const [answer, ...more] = natsMessages(client.text())
  if (answer === undefined || more.length > 0) throw new Error(`expected one answer, got ${more.length + 1}`)
  return JSON.parse(answer.payload) as UserInfo
}

test('user info: a NATS client is told who it is, and on what server', t => {
  const rig = new PipelineRig({ nats: { serverName: 'here' } })
  const client = rig.nats()
  const { server, data } = ask(client)
  t.deepEqual(data, { user: 'owner', account: '$G' })
  t.like(server, { name: 'here', id: 'testhome', ver: '2.9.10', jetstream: false })
  t.is((JSON.parse(client.info.slice('INFO '.length)) as { server_id: string }).server_id, server['id'] as string)
  t.true(rig.core.accounts.totals().balanced)
})

test('user info: permissions where there are some, and how long it may stay', async t => {
  const rig = new PipelineRig()
  const account = createAccount()
  const user = createUser()
  rig.addPrincipal({ name: 'firm', publish: { allow: ['$SYS.REQ.USER.INFO', 'a.>'], deny: ['a.x'] } }, { nkey: readNkey(account.getPublicKey())! })
  const client = rig.natsLink()
  const { nonce } = JSON.parse(client.info.slice('INFO '.length)) as { nonce: string }
  const exp = Math.floor(rig.clock.wallMicros() / 1_000_000) + 100
  const jwt = userJwt({ issuer: account, user, claims: { exp }, nats: { sub: { allow: ['_INBOX.>'], deny: ['_INBOX.not'] } } })
  client.raw(`CONNECT ${JSON.stringify({ verbose: false, headers: true, jwt, sig: signed(user, nonce) })}\r\n`)
  await rig.advance(10_000)
  const { data } = ask(client)
  t.deepEqual(data.permissions, { publish: { allow: ['$SYS.REQ.USER.INFO', 'a.>'], deny: ['a.x'] }, subscribe: { allow: ['_INBOX.>'], deny: ['_INBOX.not'] } })
  t.true(data.expires! >= 88e9 && data.expires! <= 90e9, String(data.expires))
})

test('user info: it is asked for with a reply subject and permission, and of nobody but the broker', t => {
  const rig = new PipelineRig()
  rig.addPrincipal({ name: 'mute', publish: { allow: ['a'], deny: [] } }, 'mute-token')
  const [client, mute, spy] = [rig.nats(), rig.nats({ user: 'mute', pass: 'mute-token' }), rig.nats()]
  spy.raw('SUB $SYS.> 1\r\nSUB > 2\r\n')
  client.raw('PUB $SYS.REQ.USER.INFO 0\r\n\r\n')
  t.is(client.text(), '')
  mute.raw('PUB $SYS.REQ.USER.INFO _INBOX.x 0\r\n\r\n')
  t.is(mute.text(), '-ERR \'Permissions Violation for Publish to "$SYS.REQ.USER.INFO"\'\r\n')
  t.is(spy.text(), '')
})
