import { once } from 'node:events'
import { decode } from '@msgpack/msgpack'
import test from 'ava'
import { Flag, Kind } from '../../broker/wire/layout.ts'
import { BrokerError, type Message } from '../../client/index.ts'
import type { ScriptedConnection } from '../support/scripted-broker.ts'
import { errorCode } from '../support/error-code.ts'
import { nextEvent, scriptedClient } from '../support/scripted-client.ts'

async function respondWith(peer: ScriptedConnection, handle: (message: Message) => void | Promise<void>, subscribe: (onMessage: typeof handle) => unknown): Promise<void> {
  subscribe(handle)
  peer.ok(await peer.nextOf(Kind.subscribe))
}

test('request: carries the time allowed and resolves with the answer', async t => {
  const { client, peer } = await scriptedClient(t)
  const asked = client.request<{ ok: boolean }>('command', { action: 'status' }, { timeoutMs: 1234 })
  const frame = await peer.nextOf(Kind.request)
  t.deepEqual([frame.to, frame.subject, decode(frame.payload)], [1234, 'command', { action: 'status' }])
  peer.answer(frame, { ok: true })
  const answer = await asked
  t.true(answer.value.ok)
  t.is(answer.kind, 'answer')
})

test('request: uses the time of connect, else what the broker says', async t => {
  const { client, peer } = await scriptedClient(t)
  const other = await scriptedClient(t, { requestTimeoutMs: 777 })
  client.request('a').catch(() => {})
  other.client.request('a').catch(() => {})
  t.is((await peer.next()).to, 60_000)
  t.is((await other.peer.next()).to, 777)
  for (const [timeoutMs, sent] of [[0, 1], [0.5, 1], [Infinity, 2 ** 32 - 1]] as const) {
    client.request('a', 1, { timeoutMs }).catch(() => {})
    t.is((await peer.next()).to, sent)
  }
})

test('request: fails with what the broker says, and with the code of the application', async t => {
  const { client, peer } = await scriptedClient(t)
  const refused = errorCode(client.request('nobody'))
  peer.refuse(await peer.next(), 'request.no_responders', { subject: 'nobody' })
  t.is(await refused, 'request.no_responders')
})

test('request: an abort tells the broker and rejects; the late answer is nobody\'s', async t => {
  const { client, peer } = await scriptedClient(t)
  client.on('error', error => t.fail(error.message))
  const controller = new AbortController()
  const asked = client.request('a', 1, { signal: controller.signal })
  const frame = await peer.next()
  controller.abort('enough')
  const error = await t.throwsAsync(asked, { instanceOf: BrokerError })
  t.deepEqual([error.code, error.cause], ['client.aborted', 'enough'])
  t.is((await peer.nextOf(Kind.cancel)).ref, frame.id)
  peer.answer(frame, 1)
  const next = client.request('b')
  peer.answer(await peer.next(), 2)
  t.is((await next).value, 2)
})

test('request: a broker that falls silent cannot hold it for ever', async t => {
  const { client, peer } = await scriptedClient(t)
  const asked = errorCode(client.request('a', 1, { timeoutMs: 1 }))
  const frame = await peer.next()
  t.is(await asked, 'request.timeout')
  t.is((await peer.nextOf(Kind.cancel)).ref, frame.id)
})

test('stream: gives the parts as they come and marks the last', async t => {
  const { client, peer } = await scriptedClient(t)
  const seen: [unknown, boolean][] = []
  const done = (async () => {
    for await (const part of client.stream('count', 3)) seen.push([part.value, part.isLast])
  })()
  const frame = await peer.nextOf(Kind.request)
  peer.answer(frame, 1, Kind.part)
  peer.answer(frame, 2, Kind.part)
  peer.answer(frame, 3)
  await done
  t.deepEqual(seen, [[1, false], [2, false], [3, true]])
})

test('stream: leaving it cancels, an error throws', async t => {
  const { client, peer } = await scriptedClient(t)
  const left = (async () => {
    for await (const part of client.stream('count')) return part.value
  })()
  const frame = await peer.next()
  peer.answer(frame, 'first', Kind.part)
  t.is((await peer.nextOf(Kind.cancel)).ref, frame.id)
  t.is(await left, 'first')
  const failing = errorCode(client.stream('count').next())
  peer.refuse(await peer.next(), 'request.responder_gone', { subject: 'count' })
  t.is(await failing, 'request.responder_gone')
})

test('requestMany: gives every answer, also failures, until the end', async t => {
  const { client, peer } = await scriptedClient(t)
  const seen: unknown[] = []
  const done = (async () => {
    for await (const answer of client.requestMany('who')) seen.push(answer.error?.code ?? answer.value)
  })()
  const frame = await peer.next()
  t.true((frame.flags & Flag.many) !== 0)
  peer.answer(frame, 'a')
  peer.answer(frame, { code: 'request.failed', message: 'not here', retryable: false }, Kind.error)
  peer.answer(frame, 'b')
  peer.send({ kind: Kind.end, ref: frame.id })
  await done
  t.deepEqual(seen, ['a', 'request.failed', 'b'])
})

test('respond: the answer goes to the requester, once', async t => {
  const { client, peer } = await scriptedClient(t)
  const handled = Promise.withResolvers<Message>()
  await respondWith(peer, async message => {
    await message.part('half')
    await message.respond('whole', { headers: { h: 1 } })
    handled.resolve(message)
  }, onMessage => client.subscribe('q', { onMessage }))
  peer.request('q', 'please', { id: 40, to: 1000 })
  const part = await peer.nextOf(Kind.part)
  t.deepEqual([part.to, part.ref, part.subject], [99, 40, 'q'])
  const response = await peer.nextOf(Kind.response)
  t.deepEqual([response.to, response.ref, response.headers, new TextDecoder().decode(response.payload)], [99, 40, { h: 1 }, 'whole'])
  const message = await handled.promise
  t.false(message.isReplyable)
  t.is(await errorCode(message.respond('again')), 'request.not_open')
})

test('respond: fail sends a code, and a handler that throws fails the request', async t => {
  const { client, peer } = await scriptedClient(t)
  await respondWith(peer, async message => {
    if (message.value === 'throw') throw new Error('no such thing')
    await message.fail('app.busy', 'come back later')
  }, onMessage => client.subscribe('q', { onMessage }))
  peer.request('q', 'fail')
  t.like(decode((await peer.nextOf(Kind.error)).payload), { code: 'request.failed', message: 'come back later', details: { code: 'app.busy' } })
  peer.request('q', 'throw')
  t.like(decode((await peer.nextOf(Kind.error)).payload), { code: 'request.failed', message: 'no such thing' })
})

test('respond: a group delivery goes to the subscription that the broker names', async t => {
  const { client, peer } = await scriptedClient(t)
  await respondWith(peer, message => message.respond(1), onMessage => client.subscribe('q', { group: 'g', onMessage }))
  peer.request('q', 1, { id: 50, flags: Flag.grouped, ref: 1 })
  t.is((await peer.nextOf(Kind.response)).ref, 50)
})

test('respond: a request that nobody here hears is answered at once', async t => {
  const { peer } = await scriptedClient(t)
  peer.request('$CB.to.client.tester', 1, { id: 60 })
  const frame = await peer.nextOf(Kind.error)
  t.is(frame.ref, 60)
  t.like(decode(frame.payload), { code: 'request.no_responders' })
})

test('respond: the signal tells of cancel, deadline and disconnect', async t => {
  const { client, peer } = await scriptedClient(t, { retry: false })
  const messages: Message[] = []
  const arrived = Promise.withResolvers<void>()
  await respondWith(peer, message => {
    if (messages.push(message) === 3) arrived.resolve()
  }, onMessage => client.subscribe('q', { onMessage }))
  peer.request('q', 1, { id: 70 })
  peer.request('q', 2, { id: 71, to: 20 })
  peer.request('q', 3, { id: 72 })
  await arrived.promise
  const reasons = messages.map(async ({ signal }) => {
    // The time of one of them may be over before the last one is here.
    if (!signal.aborted) await once(signal, 'abort')
    return (signal.reason as BrokerError).code
  })
  peer.send({ kind: Kind.cancel, to: 99, ref: 70 })
  t.is(await reasons[0], 'request.cancelled')
  t.is(await reasons[1], 'request.timeout')
  peer.destroy()
  t.is(await reasons[2], 'connection.lost')
  t.true(messages[0]!.signal.aborted)
  t.is(await errorCode(messages[2]!.respond(1)), 'request.not_open')
})

test('call: methods of the broker are requests below $CB.api', async t => {
  const { client, peer } = await scriptedClient(t)
  const asked = client.call('ping')
  const frame = await peer.next()
  t.deepEqual([frame.subject, decode(frame.payload)], ['$CB.api.ping', {}])
  peer.answer(frame, { now: 5 })
  t.is((await asked).now, 5)
  const listed = client.channels.list()
  peer.answer(await peer.next(), { channels: [{ name: 'events' }] })
  t.is((await listed)[0]?.name, 'events')
  const shown = errorCode(client.channels.show('nope'))
  peer.refuse(await peer.next(), 'channel.not_found', { channel: 'nope' })
  t.is(await shown, 'channel.not_found')
})

test('close: what is open is finished, then goodbye', async t => {
  const { client, peer } = await scriptedClient(t)
  const closed = nextEvent(client, 'closed')
  const asked = client.request('a')
  const request = await peer.next()
  const closing = client.close()
  t.is(await errorCode(client.publish('a', 1)), 'client.closed')
  peer.answer(request, 'last')
  t.is((await asked).value, 'last')
  await peer.nextOf(Kind.goodbye)
  await closing
  t.is(await closed, undefined)
  await client.close()
})

test('destroy: everything open fails by name', async t => {
  const { client, peer } = await scriptedClient(t)
  const asked = errorCode(client.request('a'))
  const reading = client.subscribe('b')[Symbol.asyncIterator]().next()
  await peer.next()
  client.destroy()
  t.is(await asked, 'client.closed')
  t.true((await reading).done)
  t.is(await client.closed, undefined)
  t.throws(() => client.subscribe('c'), { message: /client\.closed/ })
})
