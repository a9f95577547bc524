// The same is said to a real nats-server and to Callboard, and what they answer is compared byte for byte.

import type { ExecutionContext } from 'ava'
import { createUser } from '@nats-io/nkeys'
import { startBroker } from '../support/broker.ts'
import { ann, bob, connect, conversations, HEADERS, lateConversations, LIMITS, nobody, rules, type Conversation } from '../support/nats-conversations.ts'
import { signed } from '../support/nats-credentials.ts'
import { NatsServer, natsTest } from '../support/nats-server.ts'
import { NatsTalk } from '../support/nats-talk.ts'
import type { Teardown } from '../support/temporary-directory.ts'

/** A table of conversations takes 3 s where nobody else is at work. ms */
const PATIENCE_MS = 300_000

/** Where Callboard means to say something else; docs/nats.md has the reasons. */
const differences: Record<string, { readonly said: Conversation; readonly theirs: string; readonly ours: string }> = {
  'a token names its principal': { said: [['a', connect({ ...nobody, auth_token: ann.pass })]], theirs: "-ERR 'Authorization Violation'\r\n#", ours: 'PONG\r\n' },
  'a wildcard that may be taken for a token': { said: [['b', connect({ ...bob, verbose: true })], ['b', 'SUB half.> 1\r\n']], theirs: '+OK\r\nPONG\r\n+OK\r\nPONG\r\n', ours: '+OK\r\nPONG\r\n-ERR \'Permissions Violation for Subscription to "half.>"\'\r\nPONG\r\n' },
  'a wildcard to publish to': { said: [['a', connect({ pedantic: true })], ['a', 'SUB > 1\r\nPUB x.* 0\r\n\r\n']], theirs: "PONG\r\n-ERR 'Invalid Publish Subject'\r\nMSG x.* 1 0\r\n\r\nPONG\r\n", ours: "PONG\r\n-ERR 'Invalid Publish Subject'\r\nPONG\r\n" },
  'one\'s own message in verbose': { said: [['a', connect({ verbose: true })], ['a', 'SUB x 1\r\nPUB x 0\r\n\r\n']], theirs: '+OK\r\nPONG\r\n+OK\r\n+OK\r\nMSG x 1 0\r\n\r\nPONG\r\n', ours: '+OK\r\nPONG\r\n+OK\r\nMSG x 1 0\r\n\r\n+OK\r\nPONG\r\n' },
  'CONNECT without JSON': { said: [['a!', 'CONNECT nonsense\r\n']], theirs: '#', ours: "-ERR 'Parser Error'\r\n#" },
  'SUB with words too many': { said: [['a', connect()], ['a!', 'SUB a b c d\r\n']], theirs: 'PONG\r\n#', ours: "PONG\r\n-ERR 'Parser Error'\r\n#" },
  'PUB without a size': { said: [['a', connect()], ['a!', 'PUB a\r\n']], theirs: 'PONG\r\n#', ours: "PONG\r\n-ERR 'Parser Error'\r\n#" },
  'HPUB of a client that takes no headers': { said: [['a', connect()], ['a!', `HPUB x ${HEADERS.length} ${HEADERS.length}\r\n${HEADERS}\r\n`]], theirs: 'PONG\r\n#', ours: "PONG\r\n-ERR 'Parser Error'\r\n#" },
}

/** What every client heard in the end; `#`: it was ended. */
async function hold(t: Teardown, port: number, conversation: Conversation): Promise<Record<string, string>> {
  const talks = new Map<string, NatsTalk>()
  for (const [who, words] of conversation) {
    const name = who.replace('!', '')
    const talk = talks.get(name) ?? (await NatsTalk.open(t, port))
    talks.set(name, talk)
    await (who.endsWith('!') ? talk.sayLast(words) : talk.say(words))
  }
  return Object.fromEntries([...talks].map(([name, talk]) => [name, talk.heard + (talk.isClosed ? '#' : '')]))
}

/** Both, with the same users and limits: ports to talk to. */
async function startBoth(t: Teardown, authTimeoutSeconds: number): Promise<[theirs: number, ours: number]> {
  const users = [{ user: ann.user, password: ann.pass }, { user: bob.user, password: bob.pass, permissions: rules }]
  const server = await NatsServer.configure(t, { config: { ...LIMITS, authorization: { timeout: authTimeoutSeconds, users } } })
  await server.start()
  const principals = [{ name: ann.user, token: ann.pass }, { name: bob.user, token: bob.pass, ...rules }]
  const broker = await startBroker(t, { config: { nats: { maxPayload: LIMITS.max_payload, maxControlLine: LIMITS.max_control_line, maxSubscriptions: LIMITS.max_subscriptions, authTimeout: `${authTimeoutSeconds}s` }, principals } })
  return [server.port, broker.natsPort]
}

async function compare(t: ExecutionContext, ports: readonly number[], table: Record<string, Conversation>): Promise<void> {
  t.timeout(PATIENCE_MS)
  const [theirs, ours]: Record<string, Record<string, string>>[] = [{}, {}]
  for (const [title, said] of Object.entries(table)) {
    const [there, here] = await Promise.all(ports.map(port => hold(t, port, said)))
    theirs![title] = there!
    ours![title] = here!
    for (const [who] of said) if (who.endsWith('!')) t.true(there![who.replace('!', '')]!.endsWith('#'), title)
  }
  t.deepEqual(ours, theirs)
}

natsTest('nats conversation: Callboard says what nats-server says', async t => {
  await compare(t, await startBoth(t, 60), conversations)
})

natsTest('nats conversation: Callboard waits for CONNECT as long as nats-server does', async t => {
  await compare(t, await startBoth(t, 1), lateConversations)
})

natsTest('nats conversation: where Callboard differs, it differs as it says', async t => {
  t.timeout(PATIENCE_MS)
  const ports = await startBoth(t, 60)
  for (const [title, { said, theirs, ours }] of Object.entries(differences)) {
    const heard = await Promise.all(ports.map(port => hold(t, port, said)))
    t.deepEqual(heard.map(each => Object.values(each)[0]), [theirs, ours], title)
  }
})

natsTest('nats conversation: what Callboard says of itself first, nats-server says too, in the same types', async t => {
  const server = await NatsServer.configure(t, { config: { authorization: { users: [{ nkey: createUser().getPublicKey() }, { user: ann.user, password: ann.pass }] } } })
  await server.start()
  const broker = await startBroker(t, { config: { principals: [{ name: ann.user, token: ann.pass, nkey: createUser().getPublicKey() }] } })
  const [theirs, ours] = (await Promise.all([server.port, broker.natsPort].map(port => NatsTalk.open(t, port)))).map(({ info }) => info)
  const { go: _, ...expected } = typesOf(theirs!)
  t.deepEqual(typesOf(ours!), { ...expected, callboard: 'string' })
  for (const key of ['version', 'proto', 'headers', 'auth_required', 'max_payload', 'host', 'client_ip']) t.deepEqual(ours![key], theirs![key], key)
  t.is(ours!['port'], broker.natsPort)
})

function typesOf(info: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.entries(info).map(([key, value]) => [key, typeof value]))
}

natsTest('nats conversation: nkeys are challenged as nats-server does it', async t => {
  const [user, stranger] = [createUser(), createUser()]
  const server = await NatsServer.configure(t, { config: { authorization: { users: [{ nkey: user.getPublicKey() }] } } })
  await server.start()
  const broker = await startBroker(t, { config: { principals: [{ name: 'bob', nkey: user.getPublicKey() }] } })
  const nkey = user.getPublicKey()
  const answers: ((nonce: string) => object)[] = [
    nonce => ({ nkey, sig: signed(user, nonce) }),
    nonce => ({ nkey, sig: Buffer.from(signed(user, nonce), 'base64url').toString('base64') }),
    nonce => ({ nkey, sig: signed(user, `${nonce}x`) }),
    nonce => ({ nkey, sig: signed(stranger, nonce) }),
    nonce => ({ nkey: stranger.getPublicKey(), sig: signed(stranger, nonce) }),
    () => ({ nkey }),
    () => ({ nkey, sig: 'no-signature' }),
    () => ({}),
  ]
  for (const [i, answer] of answers.entries()) {
    const heard = [server.port, broker.natsPort].map(async port => {
      const talk = await NatsTalk.open(t, port)
      await talk.say(`CONNECT ${JSON.stringify({ verbose: false, ...answer(talk.info['nonce'] as string) })}\r\n`)
      return talk.heard + (talk.isClosed ? '#' : '')
    })
    const [theirs, ours] = await Promise.all(heard)
    t.is(ours, theirs, String(i))
    t.is(ours, i < 2 ? 'PONG\r\n' : "-ERR 'Authorization Violation'\r\n#")
  }
})
