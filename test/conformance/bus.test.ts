// What holds for clients of the bus, whether it is one broker or two that are joined by NATS servers.

import test, { type ExecutionContext } from 'ava'
import type { Client, Message } from '../../client/index.ts'
import { embeddedBusRig, joinedBusRig, type BusRig } from '../support/bus-rig.ts'
import { take, values } from '../support/collect.ts'
import { errorCode } from '../support/error-code.ts'
import { natsTest } from '../support/nats-server.ts'
import { until } from '../support/until.ts'

const implementations = [
  { name: 'embedded', declare: test, open: embeddedBusRig },
  { name: 'joined', declare: natsTest, open: joinedBusRig },
]

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

/** A client that keeps the values of what it is given. */
async function keeps(client: Client, pattern: string, options: { group?: string } = {}): Promise<unknown[]> {
  const kept: unknown[] = []
  await client.subscribe(pattern, { ...options, onMessage: message => void kept.push(message.value) }).ready
  return kept
}

for (const { name: made, declare, open } of implementations) {
  const story = (title: string, run: (t: ExecutionContext, rig: BusRig) => Promise<void>, config: object = {}): void =>
    declare(`bus (${made}): ${title}`, async (t: ExecutionContext) => {
      const rig = await open(t, config)
      await run(t, rig)
      t.true(await rig.isBalanced())
    })

  story('every subscriber gets every message once, in the order of its publisher', async (t, rig) => {
    const [a, b, ...others] = await rig.clients(6)
    const heard = await Promise.all([a!, b!, ...others].map(client => keeps(client, 'hall.lights')))
    await Promise.all([a!, b!].map(async (client, publisher) => {
      for (const i of upTo(300)) await client.publish('hall.lights', [publisher, i])
    }))
    await until(() => heard.every(kept => kept.length >= 600))
    for (const kept of heard) for (const publisher of [0, 1]) t.deepEqual((kept as [number, number][]).filter(([from]) => from === publisher).map(([, i]) => i), upTo(300))
  })

  story('one publisher\'s messages on many subjects keep their order', async (t, rig) => {
    const [publisher, near, far] = await rig.clients(3)
    const heard = await Promise.all([near!, far!].map(client => keeps(client, 'room.>')))
    for (const i of upTo(600)) await publisher!.publish(`room.${i % 7}.${i % 3}`, i)
    await until(() => heard.every(kept => kept.length >= 600))
    for (const kept of heard) t.deepEqual(kept, upTo(600))
  })

  story('wildcards match what they say, and overlapping patterns of one client get a message each', async (t, rig) => {
    const [publisher, near, far] = await rig.clients(3)
    for (const client of [near!, far!]) {
      const patterns = ['a.*', 'a.>', 'a.b', '*.b', 'a.*.c', '>']
      const kept = await Promise.all(patterns.map(pattern => keeps(client, pattern)))
      const subjects = ['a.b', 'a.b.c', 'x.b', 'a']
      for (const subject of subjects) await publisher!.publish(subject, subject)
      await publisher!.publish('end', 'end')
      await until(() => kept[5]!.includes('end'))
      t.deepEqual(kept, [['a.b'], ['a.b', 'a.b.c'], ['a.b'], ['a.b', 'x.b'], ['a.b.c'], [...subjects, 'end']])
    }
  })

  story('a queue group gets each message once, every other group and every subscriber beside it too', async (t, rig) => {
    const [publisher, second, ...members] = await rig.clients(8)
    const workers = await Promise.all(members.slice(0, 4).map(member => keeps(member, 'jobs.*', { group: 'work' })))
    const auditors = await Promise.all(members.slice(4).map(member => keeps(member, 'jobs.*', { group: 'audit' })))
    const plain = await keeps(second!, 'jobs.>')
    for (const i of upTo(400)) await [publisher!, second!][i % 2]!.publish('jobs.new', i)
    const all = (kept: unknown[][]): number[] => kept.flat().map(Number).toSorted((a, b) => a - b)
    await until(() => all(workers).length >= 400 && all(auditors).length >= 400 && plain.length >= 400)
    for (const kept of [workers, auditors, [plain]]) t.deepEqual(all(kept), upTo(400))
  })

  story('a request is answered by whoever responds, by one of a group, and by the first of many', async (t, rig) => {
    const [a, b, c, d] = await rig.clients(4)
    await a!.subscribe('math.double', { onMessage: message => message.respond((message.value as number) * 2) }).ready
    let answered = 0
    for (const member of [b!, c!]) await member.subscribe('math.square', { group: 'g', onMessage: message => {
        answered++
        return message.respond((message.value as number) ** 2)
      } }).ready
    for (const client of [a!, b!, c!, d!]) {
      t.is((await client.request('math.double', 21)).value, 42)
      t.is((await client.request('math.square', 3)).value, 9)
    }
    t.is(answered, 4)
  })

  story('a request whose responder leaves fails at once, and not when its time is over', async (t, rig) => {
    const [a, b] = await rig.clients(2)
    // The first is at the other broker, where there is one. Of plain responders there nobody knows how many are left: the time says it.
    for (const [asker, options] of [[b!, { group: 'g' }], [b!, {}], [a!, {}], [b!, { group: 'g' }]] as const) {
      const responder = await rig.client()
      const asked = Promise.withResolvers<void>()
      await responder.subscribe('slow.work', { ...options, onMessage: () => asked.resolve() }).ready
      const code = errorCode(asker.request('slow.work', 1, { timeoutMs: 90_000 }))
      await asked.promise
      responder.destroy()
      t.is(await code, 'request.responder_gone')
    }
  })

  story('a request that nobody can answer fails at once', async (t, rig) => {
    const [a, b] = await rig.clients(2)
    const askedAt = performance.now()
    for (const client of [a!, b!]) t.is(await errorCode(client.request('nobody.here', 1, { timeoutMs: 90_000 })), 'request.no_responders')
    t.true(performance.now() - askedAt < 60_000)
    t.is(await errorCode(b!.request('$CB.to.client.nobody', 1, { timeoutMs: 90_000 })), 'request.no_responders')
  })

  story('a responder\'s error reaches who asked', async (t, rig) => {
    const [a, b] = await rig.clients(2)
    await a!.subscribe('door.open', { onMessage: message => message.fail('door.locked', 'the door is locked') }).ready
    for (const client of [a!, b!]) {
      const error = await t.throwsAsync(client.request('door.open'))
      t.regex(error.message, /the door is locked/)
    }
  })

  story('many answers, and answers in parts, come whole', async (t, rig) => {
    const [asker, ...responders] = await rig.clients(4)
    for (const [i, responder] of responders.entries()) await responder.subscribe('roll.call', { onMessage: message => message.respond(i) }).ready
    const answers: number[] = []
    for await (const message of asker!.requestMany('roll.call', undefined, { timeoutMs: 60_000 })) {
      answers.push(message.value as number)
      if (answers.length === 3) break
    }
    t.deepEqual(answers.toSorted((a, b) => a - b), [0, 1, 2])
  })

  story('a client is addressed by id, agent name and session wherever it is', async (t, rig) => {
    const [a, b] = await rig.clients(2)
    const lamp = await rig.client({ clientId: 'lamp-1', agent: 'lamp' })
    const heard = lamp.subscribe('$CB.to.>')
    await rig.acquainted()
    const addresses = ['$CB.to.client.lamp-1', '$CB.to.agent.lamp', `$CB.to.session.${lamp.welcome.session}`]
    for (const client of [a!, b!]) {
      for (const address of addresses) t.deepEqual(await client.publish(address, address, { receipt: true }), { receivers: 1 })
      t.deepEqual(await values(heard, 3), addresses)
      t.deepEqual(await client.publish('$CB.to.client.nobody', 1, { receipt: true }), { receivers: 0 })
    }
  })

  story('a broadcast reaches everybody but its sender, a channel of mode broadcast everybody, once', async (t, rig) => {
    const [a, b, ...others] = await rig.clients(5)
    const heard = [a!, b!, ...others].map(client => client.subscribe('$CB.all'))
    const alarms = [a!, b!, ...others].map(client => client.subscribe('alarm.>'))
    await Promise.all(alarms.map(({ ready }) => ready))
    await a!.broadcast('one')
    await b!.broadcast('two')
    t.deepEqual(await values(heard[0]!, 1), ['two'])
    t.deepEqual(await values(heard[1]!, 1), ['one'])
    for (const subscription of heard.slice(2)) t.deepEqual(new Set(await values(subscription, 2)), new Set(['one', 'two']))
    for (const i of upTo(20)) await a!.publish('alarm.fire', i)
    await a!.publish('alarm.fire', 'end')
    for (const subscription of alarms) t.deepEqual(await values(subscription, 21), [...upTo(20), 'end'])
  }, { channels: [{ name: 'alarm', mode: 'broadcast' }] })

  story('payloads of every type, headers, ids and trace context arrive as they were sent', async (t, rig) => {
    const [publisher, near, far] = await rig.clients(3)
    const heard = [near!, far!].map(client => client.subscribe('things.>'))
    await Promise.all(heard.map(({ ready }) => ready))
    const headers = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', tracestate: 'vendor=value', colour: 'grün', 'with space': 'x' }
    const payloads: readonly unknown[] = ['text', Buffer.from([0, 255, 13, 10]), { deep: [1, { list: [true, null] }] }, 2 ** 40, Buffer.alloc(200_000, 7)]
    for (const payload of payloads) await publisher!.publish('things.sent', payload, { headers, mid: 'msg-1' })
    await publisher!.publish('things.json', { a: 1 }, { json: true })
    for (const subscription of heard) {
      const messages = await take(subscription, payloads.length + 1)
      t.deepEqual(messages.map(comparable), [...payloads, { a: 1 }].map(value => (value instanceof Uint8Array ? Buffer.from(value) : value)))
      for (const message of messages.slice(0, -1)) t.like(message.headers, { ...headers, mid: 'msg-1' })
      t.is(Buffer.from(messages.at(-1)!.payload).toString(), '{"a":1}')
    }
  })

  story('a receipt says that somebody gets it, and what became of it', async (t, rig) => {
    const [publisher, ...subscribers] = await rig.clients(3)
    for (const subscriber of subscribers) await keeps(subscriber, 'parcels')
    const accepted = await publisher!.publish('parcels', 1, { receipt: true })
    t.true(accepted.receivers > 0)
    const delivered = await publisher!.publish('parcels', 2, { receipt: 'delivered' })
    t.is(delivered.receivers, accepted.receivers)
    t.deepEqual(delivered.dropped, {})
  })

  story('who does not want to hear itself does not, and others do', async (t, rig) => {
    const quiet = await rig.client({ echo: false })
    const [near, far] = await rig.clients(2)
    const [own, ...others] = await Promise.all([quiet, near!, far!].map(client => keeps(client, 'said')))
    await quiet.publish('said', 'mine')
    await near!.publish('said', 'yours')
    await until(() => others.every(kept => kept.length === 2) && own!.length === 1)
    t.deepEqual(own, ['yours'])
  })

  story('who left gets nothing more, and the others all', async (t, rig) => {
    const [publisher, near, far] = await rig.clients(3)
    const [stays, leaves] = [await keeps(near!, 'news'), far!.subscribe('news')]
    await leaves.ready
    for (const i of upTo(50)) await publisher!.publish('news', i)
    t.deepEqual(await values(leaves, 50), upTo(50))
    await leaves.unsubscribe()
    for (const i of upTo(50)) await publisher!.publish('news', 50 + i)
    await until(() => stays.length === 100)
    t.deepEqual(stays, upTo(100))
    t.is(leaves.unread, 0)
  })
}

function comparable(message: Message): unknown {
  const { value } = message
  return value instanceof Uint8Array ? Buffer.from(value) : value
}
