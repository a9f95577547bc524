// A NATS server that breaks the rules harms nothing but its link: clients of the broker go on, and a good server is found.

import test, { type ExecutionContext } from 'ava'
import type { Socket } from 'node:net'
import type { Client } from '../../client/index.ts'
import type { LocalBroker } from '../support/broker.ts'
import { values } from '../support/collect.ts'
import { joinedBroker, reaches } from '../support/joined-brokers.ts'
import { scriptedNatsServer, type NatsScript } from '../support/scripted-nats-server.ts'
import { until } from '../support/until.ts'

/** Local clients are served while the link is at that server, and the broker finds its words for it. */
async function goesOn(t: ExecutionContext, client: Client): Promise<void> {
  const heard = client.subscribe(`here.${Math.random().toString(36).slice(2)}`)
  await heard.ready
  await client.publish(heard.pattern, 'as ever')
  t.deepEqual(await values(heard, 1), ['as ever'])
  const { balanced } = await client.call('stats')
  t.true(balanced)
}

/** `pingInterval` is short where the server falls silent: elsewhere answers may take their time on a busy machine. */
async function facing(t: ExecutionContext, script: NatsScript, { isReachable = false, pingInterval = '10s' } = {}): Promise<{ broker: LocalBroker; client: Client; sockets: () => number }> {
  const { url, sockets } = await scriptedNatsServer(t, script)
  const broker = await joinedBroker(t, [url], { isReachable, bus: { pingInterval, backoff: { initial: '20ms', max: '50ms' } } })
  return { broker, client: await broker.connect({ requestTimeoutMs: 60_000 }), sockets }
}

const greetings: Readonly<Record<string, (socket: Socket) => void>> = {
  'says nothing': () => {},
  'closes at once': socket => void socket.destroy(),
  'sends garbage': socket => void socket.write(Buffer.from(Array.from({ length: 10_000 }, (_, i) => (i * 7) % 256))),
  'speaks HTTP': socket => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
  'has an INFO that is no JSON': socket => void socket.write('INFO {"server_id":\r\n'),
  'has an INFO without end': socket => {
    const piece = Buffer.alloc(65_536, 'x')
    socket.write('INFO {"server_id":"')
    const more = (): void => {
      while (!socket.destroyed && socket.write(piece));
    }
    socket.on('drain', more)
    more()
  },
  'sends messages before anything else': socket => void socket.write('MSG a 1 5\r\nhello\r\nMSG a 1 5\r\nhello\r\n'),
  'refuses': socket => void socket.write('INFO {"server_id":"x"}\r\n-ERR \'Authorization Violation\'\r\n'),
  'asks for TLS and does not speak it': socket => void socket.write('INFO {"server_id":"x","tls_required":true}\r\nPING\r\nPING\r\n'),
}

for (const [what, accepted] of Object.entries(greetings)) {
  test(`hostile NATS server: one that ${what} is given up, and tried again`, async t => {
    const { client, sockets } = await facing(t, { accepted }, { pingInterval: '100ms' })
    await goesOn(t, client)
    await until(() => sockets() >= 2)
    await goesOn(t, client)
    const { bus } = await client.call('status')
    t.not(bus?.state, 'joined')
    t.truthy(bus?.problem)
  })
}

const attacks: Readonly<Record<string, (socket: Socket) => void>> = {
  'garbage': socket => void socket.write('\u0000\u0001\u0002\u0003 nonsense\r\n'),
  'a payload of impossible size': socket => void socket.write('MSG a 1 999999999\r\n'),
  'a payload that does not end where it should': socket => void socket.write('MSG a 1 3\r\nabcdef\r\n'),
  'a fatal error': socket => void socket.write("-ERR 'Stale Connection'\r\n"),
  'a line without end': socket => void socket.write(Buffer.alloc(400_000, 'y')),
}

for (const [what, attack] of Object.entries(attacks)) {
  test(`hostile NATS server: ${what} costs the link and nothing else`, async t => {
    let attacked = 0
    const { client } = await facing(t, { entered: ({ socket }) => void (attacked++ < 2 && setImmediate(() => attack(socket))) })
    await until(() => attacked > 2)
    await reaches(client, 'joined')
    await goesOn(t, client)
  })
}

test('hostile NATS server: one that lets the broker in and throws it out, again and again, is not asked without pause', async t => {
  let entered = 0
  const { url } = await scriptedNatsServer(t, { subscribed: ({ socket }, pattern) => void (pattern === '$CB.all' && ++entered && setTimeout(() => socket.destroy(), 100)) })
  const broker = await joinedBroker(t, [url], { isReachable: false, bus: { backoff: { initial: '1s', max: '1s', jitter: 0 } } })
  const client = await broker.connect()
  await until(() => entered >= 4)
  const startedMs = performance.now()
  await until(() => entered >= 6)
  t.true(performance.now() - startedMs > 1000, 'there is a pause between them')
  await goesOn(t, client)
})

test('hostile NATS server: messages that nobody asked for, and such as nobody may send from there, are passed by', async t => {
  let isSent = false
  const { client } = await facing(t, {
    subscribed: ({ socket }, pattern, sid) => {
      if (pattern !== 'wanted.*' || isSent) return
      isSent = true
      const wrong = ['other', 'wanted.a.b', '$CB.api.stop', '$CB.api.status', '$SYS.x', 'wanted', '', 'wanted.*', 'wanted..x'].filter(subject => subject !== '')
      for (const subject of wrong) socket.write(`MSG ${subject} ${sid} _INBOX.evil 2\r\n{}\r\n`)
      for (const unknown of [0, 9999, 2_147_483_648]) socket.write(`MSG wanted.x ${unknown} 1\r\n?\r\n`)
      socket.write(`MSG wanted.last ${sid} 3\r\nend\r\n`)
    },
  }, { isReachable: true })
  const heard = client.subscribe<Uint8Array>('wanted.*')
  t.is(Buffer.from((await values(heard, 1))[0]!).toString(), 'end')
  const { bus, phase } = await client.call('status')
  t.is(phase, 'run')
  t.is(bus?.strays, 11)
  await goesOn(t, client)
})

test('hostile NATS server: answers that belong to no request are passed by, and a request is answered by its own alone', async t => {
  const { client } = await facing(t, {
    entered: ({ socket, connect, subscriptions }) => {
      if (connect['echo'] !== false) return
      socket.on('data', chunk => {
        const asked = /^H?PUB ask (_INBOX\.\S+) /m.exec(chunk.toString('latin1'))
        if (asked === null) return
        const [, reply] = asked
        const sid = [...subscriptions].find(([pattern]) => pattern.startsWith('_INBOX.'))![1]
        const [inbox] = /^_INBOX\.[^.]+/.exec(reply!)!
        for (const wrong of [`${inbox}.1.1`, `${inbox}.999999.5`, `${inbox}.x`, `${inbox}.1.99999999999999999999`, `${inbox}.0.0`]) socket.write(`MSG ${wrong} ${sid} 4\r\nevil\r\n`)
        socket.write(`MSG ${reply} ${sid} 4\r\ngood\r\n`)
        socket.write(`MSG ${reply} ${sid} 4\r\nlate\r\n`)
      })
    },
  }, { isReachable: true })
  t.is(Buffer.from((await client.request<Uint8Array>('ask', 1)).value).toString(), 'good')
  await goesOn(t, client)
  t.is((await client.call('metrics'))['open_requests'], 0)
})

test('hostile NATS server: one that complains without end, and one that stops answering, are noticed', async t => {
  let isSilent = false
  const { client, sockets } = await facing(t, {
    answers: () => !isSilent,
    entered: ({ socket }) => {
      const line = "-ERR 'Permissions Violation for Subscription to \"x\"'\r\n".repeat(1000)
      for (let i = 0; i < 50; i++) socket.write(line)
    },
  }, { isReachable: true, pingInterval: '100ms' })
  await goesOn(t, client)
  const before = sockets()
  isSilent = true
  await until(async () => (await client.call('status')).bus?.state !== 'joined')
  isSilent = false
  await reaches(client, 'joined')
  t.true(sockets() > before)
  await goesOn(t, client)
})
